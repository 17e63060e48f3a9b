"""The forms of imports; services check the rules."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from expenses.fields import CATEGORY, MERCHANT
from expenses.imports import limits, services
from expenses.imports.bookings import MAX_TEXT_LENGTH, Question
from expenses.imports.csv_columns import OPTIONAL, SINGLE
from expenses.imports.csv_table import DELIMITERS
from expenses.imports.descriptions import MAPPING_WORDS
from expenses.imports.encoding import ENCODINGS
from expenses.imports.models import Import
from expenses.imports.preview import Choice, ImportRow
from expenses.imports.profiles import MAX_NAME_LENGTH
from smartbudget.core.errors import InvalidError

ACCEPTED = ".csv,.txt,.tsv,.ofx,.qfx,.qif,.xml,.sta,.mt940,.json,.zip"

TITLES = {
    "decimal": _("What do these amounts mean?"),
    "date_format": _("What do these dates mean?"),
    "sign": _("Are these payments?"),
    "columns.amount": _("Which column has the amounts?"),
    "account": _("Which account do you want to import?"),
    "reversals": _("Was this paid or received?"),
}
# Decisions of a row about an expense that is here, with their labels.
ABOUT_EXPENSE = {
    "match": _("Same: keep mine, mark as cleared"),
    "duplicate": _("Same: skip"),
    "new": _("Different: import"),
    "excluded": _("Skip"),
}
# The buttons that make a rule of a row.
ALWAYS, NEVER = "always", "never"
MAX_DIGITS = 6  # of a row's number
_COLUMNS = {
    "date": _("Date"),
    "amount": _("Amount"),
    "debit": _("Paid (instead of Amount)"),
    "credit": _("Received (instead of Amount)"),
    "type": _("Paid or received (text)"),
    "text": _("Text"),
    "merchant": _("Merchant"),
    "id": _("Transaction number"),
    "currency": _("Currency"),
    "status": _("Status"),
    "account": _("Account"),
    "value_date": _("Value date"),
    "counterparty": _("Other account (IBAN)"),
}
_LABELS = {
    "delimiter": _("Columns separated by"),
    "decimal": _("Decimal mark"),
    "date_format": _("Date format"),
    "sign": _("Payments"),
    "encoding": _("Encoding"),
    "day": _("Date of an expense"),
}
_OPTIONS = {  # by format, in the order of the form
    "csv": ("delimiter", "decimal", "date_format", "sign", "encoding"),
    "ofx": ("decimal", "encoding"),
    "qif": ("decimal", "date_format", "encoding"),
    "camt": ("day",),
    "mt940": ("day", "encoding"),
}
_MORE_COLUMNS = 4  # of a file without headings: beyond those that are known


class UploadForm(forms.Form):
    """The file to import."""

    file = forms.FileField(
        label=_("File from your bank"),
        allow_empty_file=True,
        help_text=_(
            "CSV, OFX, QFX, QIF, CAMT or MT940, up to 5 MB. Choose a file or drop it "
            "here. You can import your own exports, too."
        ),
        widget=forms.FileInput(attrs={"accept": ACCEPTED, "class": "drop-zone"}),
    )

    def clean_file(self) -> Any:
        """Reject a file that is too large, before it is read."""
        file = self.cleaned_data["file"]
        try:
            limits.check_bytes(file.size)
        except InvalidError as error:
            raise forms.ValidationError(str(error)) from error
        return file


class QuestionForm(forms.Form):
    """The answer to what a file does not decide."""

    answer = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, data: Any, question: Question, headings: Sequence[str]) -> None:
        super().__init__(data)
        self.question = question
        field = self.fields["answer"]
        field.label = TITLES.get(question.about, _("What does the file mean?"))
        field.choices = [
            (choice, _label(question, choice, headings)) for choice in question.choices
        ]

    def mapping(self, used: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer as part of a mapping. used: the mapping so far."""
        outer, _dot, inner = self.question.about.partition(".")
        answer = self.cleaned_data["answer"]
        return {outer: {**used.get(outer, {}), inner: answer} if inner else answer}


def _label(question: Question, choice: str, headings: Sequence[str]) -> str:
    example = str(question.examples.get(choice, choice))
    if question.about == "columns.amount":
        return f"{_heading(int(choice), headings)}: {example}"
    return example


def _heading(number: int, headings: Sequence[str]) -> str:
    if number < len(headings) and headings[number]:
        return headings[number]
    return gettext("Column {number}").format(number=number + 1)


class MappingForm(forms.Form):
    """A form for how a file is read. Only changed fields become answers.

    samples: see `services.encoding_samples`.
    """

    profile = forms.CharField(
        label=_("Account name"),
        max_length=MAX_NAME_LENGTH,
        required=False,
        help_text=_(
            "For example Checking. Files like this will be recognized next time. A "
            "different name means a different account. Rename accounts under Bank "
            "accounts."
        ),
    )

    def __init__(
        self, data: Any, record: Import, samples: Mapping[str, Sequence[str]]
    ) -> None:
        used = services.mapping_of(record)
        self.columns: dict[str, Any] = used.get("columns", {})
        initial = {
            **used,
            **{f"column_{name}": str(value) for name, value in self.columns.items()},
            "profile": record.profile,
        }
        initial["column_text"] = [*map(str, self.columns.get("text", ()))]
        super().__init__(data, initial=initial)
        for name in _OPTIONS.get(record.format, ()):
            self.fields[name] = forms.ChoiceField(
                label=_LABELS[name], choices=_choices(name, used), required=False
            )
        self._is_guess = bool(samples)
        if samples:
            self.fields["encoding"] = forms.ChoiceField(
                label=_("Which letters look right?"),
                choices=[
                    (encoding, f"{' · '.join(texts)} ({encoding.upper()})")
                    for encoding, texts in samples.items()
                ],
                widget=forms.RadioSelect,
            )
        if record.format == "csv":
            self._add_columns(used.get("headings", ()))

    def _add_columns(self, headings: Sequence[str]) -> None:
        known = [*self.columns.get("text", ())]
        known += [number for name, number in self.columns.items() if name != "text"]
        width = len(headings) or max(known, default=0) + _MORE_COLUMNS
        choices = [(str(n), _heading(n, headings)) for n in range(width)]
        for name, label in _COLUMNS.items():
            if name == "text":
                self.fields["column_text"] = forms.MultipleChoiceField(
                    label=label,
                    choices=choices,
                    required=False,
                    widget=forms.CheckboxSelectMultiple,
                )
            else:
                self.fields[f"column_{name}"] = forms.ChoiceField(
                    label=label, choices=[("", _("None")), *choices], required=False
                )

    def column_fields(self) -> Iterator[forms.BoundField]:
        """Yield the fields of columns."""
        return (field for field in self if field.name.startswith("column_"))

    def other_fields(self) -> Iterator[forms.BoundField]:
        """Yield the other fields."""
        return (field for field in self if not field.name.startswith("column_"))

    @property
    def changed_profile(self) -> str:
        """The name of another profile, or "" if it stays."""
        name = self.cleaned_data["profile"]
        return name if name != self.initial["profile"] else ""

    def mapping(self) -> dict[str, Any]:
        """Return the part of the mapping that was changed."""
        data, changed = self.cleaned_data, {*self.changed_data} - {"profile"}
        mapping: dict[str, Any] = {
            name: data[name] for name in changed if not name.startswith("column_")
        }
        if self._is_guess:  # so that it is none any more
            mapping["encoding"] = data["encoding"]
        if "delimiter" in mapping:
            mapping["columns"] = {}  # found again
        elif any(name.startswith("column_") for name in changed):
            mapping["columns"] = self._columns()
        return mapping

    def _columns(self) -> dict[str, Any]:
        data = self.cleaned_data
        columns: dict[str, Any] = {
            name: int(data[f"column_{name}"])
            for name in (*SINGLE, *OPTIONAL)
            if data.get(f"column_{name}")
        }
        columns["text"] = [int(number) for number in data["column_text"]]
        return columns

    def clean(self) -> dict[str, Any]:
        """Reject columns without a date or an amount."""
        data = super().clean() or self.cleaned_data
        if "column_date" not in self.fields or self.errors:
            return data
        if not data["column_date"]:
            self.add_error("column_date", gettext("Choose the column of dates."))
        if not any(data[f"column_{name}"] for name in ("amount", "debit", "credit")):
            self.add_error("column_amount", gettext("Choose the column of amounts."))
        return data


def _choices(name: str, used: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if name == "encoding":
        names = dict.fromkeys([used.get("encoding", "utf-8"), *ENCODINGS])
        return [(encoding, encoding.upper()) for encoding in names]
    if name == "day":
        return [("booking", _("Booking date")), ("value", _("Value date"))]
    if name == "sign":
        return [
            ("negative_is_paid", _("Amounts with a minus sign")),
            ("positive_is_paid", _("Amounts without a minus sign")),
        ]
    words = MAPPING_WORDS[name]
    order = DELIMITERS if name == "delimiter" else words
    return [(value, capfirst(gettext(words[value]))) for value in order]


class ProfileForm(forms.Form):
    """The name of a bank account."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME_LENGTH)


class RuleForm(forms.Form):
    """A new rule."""

    match = forms.ChoiceField(
        label=_("If the bank's text"),
        choices=[
            ("contains", _("contains")),
            ("begins", _("begins with")),
            ("is", _("is")),
        ],
    )
    text = forms.CharField(label=_("these words"), max_length=MAX_TEXT_LENGTH)
    category = forms.CharField(
        label=_("Set category"), max_length=CATEGORY.max_length, required=False
    )
    merchant = forms.CharField(
        label=_("Set merchant"), max_length=MERCHANT.max_length, required=False
    )
    leave_out = forms.BooleanField(label=_("Skip"), required=False)
    never_guess = forms.BooleanField(label=_("Suggest no category"), required=False)


# --- Rows of a preview ---


def control_of(row: ImportRow) -> str:
    """Return how a row's decision is changed: `select`, `tick`, or "" if not at all."""
    if not row.amount or row.decision in ("wrong", "zero", "pending", "left_out"):
        return ""
    is_about = bool(row.of) and row.amount.startswith("-")
    if is_about and (row.decision in ("look", "match") or row.is_chosen):
        return "select"
    return "tick"


def choices_of(posted: QueryDict, rows: Sequence[ImportRow]) -> dict[int, Choice]:
    """Return what a user changed in the rows of a page, by their numbers.

    Numbers of rows that the file does not have are ignored.
    """
    shown, ticked = {*posted.getlist("rows")}, {*posted.getlist("take")}
    choices = {
        row.number: _choice(posted, row, is_ticked=str(row.number) in ticked)
        for row in rows
        if str(row.number) in shown
    }
    return {number: choice for number, choice in choices.items() if choice != Choice()}


def remembered_row(posted: QueryDict) -> tuple[int, str] | None:
    """Return the row of which a rule is to be made, and ALWAYS or NEVER."""
    for wanted in (ALWAYS, NEVER):
        number = posted.get(wanted, "")
        if number.isascii() and number.isdigit() and len(number) < MAX_DIGITS:
            return int(number), wanted
    return None


def _choice(posted: QueryDict, row: ImportRow, *, is_ticked: bool) -> Choice:
    decision, control = None, control_of(row)
    if control == "select":
        wanted = posted.get(f"decision-{row.number}") or row.decision
        decision = wanted if wanted != row.decision else None
    elif control == "tick" and is_ticked != row.is_written:
        decision = "new" if is_ticked else "excluded"
    return Choice(
        decision,
        category=_changed(posted, "category", row),
        merchant=_changed(posted, "merchant", row),
    )


def _changed(posted: QueryDict, name: str, row: ImportRow) -> str | None:
    """Return a text that differs from the row's, or None."""
    typed = posted.get(f"{name}-{row.number}")
    if typed is None or typed.strip() == getattr(row, name):
        return None
    return typed.strip()


LENGTHS = {"category": CATEGORY.max_length, "merchant": MERCHANT.max_length}
