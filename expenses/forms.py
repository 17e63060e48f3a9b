"""The expense pages' forms; services check the rules."""

import datetime
import functools
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django import forms
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from expenses import history, queries, services, validation
from expenses.fields import (
    CATEGORY,
    DESCRIPTION,
    FIELDS,
    MERCHANT,
    NOTES,
    PARTS,
    values_of,
)
from expenses.models import KIND_WORDS, STATUS_WORDS, Expense
from expenses.parts import MAX_CATEGORY_LENGTH, MAX_NOTE_LENGTH, MAX_PARTS, Part
from expenses.queries import AMOUNT_SORTS
from expenses.receipts.forms import ReceiptField
from expenses.receipts.services import NoReceipt
from expenses.receipts.validation import ONLY_ONE
from expenses.search import MAX_SEARCH_LENGTH
from smartbudget.core.errors import ConflictError, InvalidError
from smartbudget.core.money import editable, is_amount, parse_amount
from smartbudget.core.typed_amounts import typed_amount
from smartbudget.core.user import User
from smartbudget.web.forms import (
    AmountField,
    CheckedForm,
    Chip,
    DayField,
    LinesField,
    ListForm,
    amount_label,
)

# Days further away than this need a confirmation: usually the year is a typing error.
YEARS_BACK = 1
MONTHS_AHEAD = 6
# Rows of parts: at least, and beyond those that are filled in.
MIN_ROWS, MORE_ROWS = 4, 2
STATUS_CHOICES = [(status, _(words)) for status, words in STATUS_WORDS.items()]
KIND_CHOICES = [(kind, _(words)) for kind, words in KIND_WORDS.items()]


def question_about(day: datetime.date, today: datetime.date) -> str | None:
    """Return the question to ask before a distant day is stored, or None."""
    if day > today:
        months = _months_between(today, day)
        if months < MONTHS_AHEAD:
            return None
        return ngettext(
            "That date is {count} month ahead. Save it anyway?",
            "That date is {count} months ahead. Save it anyway?",
            months,
        ).format(count=months)
    years = _months_between(day, today) // 12
    if years < YEARS_BACK:
        return None
    return ngettext(
        "That date is {count} year ago. Save it anyway?",
        "That date is {count} years ago. Save it anyway?",
        years,
    ).format(count=years)


def _months_between(first: datetime.date, last: datetime.date) -> int:
    """Return the number of whole months between two days."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return months - (last.day < first.day)


class PartsWidget(forms.Widget):
    """Rows of a category, an amount and a note each."""

    use_fieldset = True
    currency = "USD"
    columns: ClassVar = {
        "category": (_("Category"), {"maxlength": str(MAX_CATEGORY_LENGTH)}),
        "amount": (_("Amount"), {"inputmode": "decimal", "maxlength": "64"}),
        "note": (_("Note"), {"maxlength": str(MAX_NOTE_LENGTH)}),
    }

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the rows that are not empty, as typed."""
        rows = [
            {column: data.get(f"{name}-{n}-{column}", "") for column in self.columns}
            for n in range(1, MAX_PARTS + 1)
        ]
        return [row for row in rows if any(text.strip() for text in row.values())]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return not any(key.startswith(f"{name}-") for key in data)

    def id_for_label(self, id_: str) -> str:
        return ""

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        """Return inputs for the rows of a value and some more."""
        rows = [self._as_typed(part) for part in value or ()]
        shown = min(max(MIN_ROWS, len(rows) + MORE_ROWS), MAX_PARTS)
        rows += [dict.fromkeys(self.columns, "")] * (shown - len(rows))
        labels = [(label,) for label, _attrs in self.columns.values()]
        heads = format_html_join("", "<span>{}</span>", labels)
        numbered = enumerate(rows, start=1)
        inputs = [(self._row(name, number, row),) for number, row in numbered]
        lines = format_html_join("", "<div>{}</div>", inputs)
        return format_html(
            '<div class="parts"><div class="heads" aria-hidden="true">{}</div>{}</div>',
            heads,
            lines,
        )

    def _row(self, name: str, number: int, row: Mapping[str, str]) -> SafeString:
        inputs = []
        for column, (label, attrs) in self.columns.items():
            described = {
                "type": "text",
                "name": f"{name}-{number}-{column}",
                "value": row[column],
                "autocomplete": "off",
                "aria-label": gettext("{label} of part {number}").format(
                    label=label, number=number
                ),
                **attrs,
            }
            inputs.append((flatatt(described),))
        return format_html_join("", "<input{}>", inputs)

    def _as_typed(self, part: Any) -> Mapping[str, str]:
        if isinstance(part, Part):
            amount = editable(part.amount, self.currency)
            return {"category": part.category, "amount": amount, "note": part.note}
        typed: Mapping[str, str] = part
        return typed


class PartsField(forms.Field):
    """The parts of a split expense, as a list of rows; empty if it is not split."""

    widget = PartsWidget

    def to_python(self, value: Any) -> list[dict[str, str]]:
        """Convert amounts in the page's language to the API's notation."""
        try:
            return [
                {**row, "amount": typed_amount(row["amount"], self.widget.currency)}
                if row["amount"].strip()
                else row
                for row in value or ()
            ]
        except InvalidError as error:
            raise forms.ValidationError(str(error)) from error


class ExpenseForm(CheckedForm):
    data: Any
    amount = AmountField()
    category = forms.CharField(
        label=_("Category"),
        max_length=CATEGORY.max_length,
        help_text=_("For example Groceries. Upper or lower case doesn't matter."),
    )
    parts = PartsField(
        label=_("Split across several categories"),
        required=False,
        help_text=_(
            "The amounts must add up to the amount of the expense. The categories here"
            " replace the one above."
        ),
    )
    merchant = forms.CharField(
        label=_("Merchant (optional)"), max_length=MERCHANT.max_length, required=False
    )
    description = LinesField(
        label=_("Description (optional)"),
        max_length=DESCRIPTION.max_length,
        required=False,
    )
    date = DayField(label=_("Date"))
    odd_date = forms.BooleanField(label=_("Yes, that date is right"), required=False)
    # Rarely changed: Tab leads from the amount to the category.
    kind = forms.ChoiceField(
        label=_("Type"),
        choices=KIND_CHOICES,
        widget=forms.RadioSelect,
        initial="expense",
        required=False,
    )
    notes = LinesField(
        label=_("Notes (optional)"), max_length=NOTES.max_length, required=False
    )
    receipt = ReceiptField(
        label=_("Receipt (optional)"),
        help_text=_(
            "JPG, PNG, GIF, WebP, HEIC or PDF, up to 10 MB. "
            "Choose a file or drop it here."
        ),
    )
    photo = ReceiptField(
        label=_("Take a photo"), widget_attrs={"capture": "environment"}
    )

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["amount"].label = amount_label(user)
        self.fields["amount"].currency = user.currency
        self.user = user
        if parts := self.fields.get("parts"):
            parts.widget.currency = user.currency
            is_split = self.is_bound and self["parts"].data
            self.fields["category"].required = not is_split
        if not self.is_bound:
            del self.fields["odd_date"]

    def find_errors(self, data: Mapping[str, Any]) -> Mapping[str, list[str]]:
        return self._without_category(
            validation.find_errors(self.user, _fields_of(data))
        )

    def _without_category(
        self, errors: Mapping[str, list[str]]
    ) -> Mapping[str, list[str]]:
        """Return errors without that of the category, if parts replace it."""
        if self.fields["category"].required:
            return errors
        return {name: some for name, some in errors.items() if name != "category"}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not data.get("kind"):  # as in a form without it
            data.pop("kind", None)
        if data.get("parts"):
            data.pop("category", None)
        self._confirm_date(data.get("date"), is_confirmed=data.pop("odd_date"))
        photo = data.pop("photo", None)
        if photo and data.get("receipt"):
            self.add_error("receipt", gettext(ONLY_ONE))
        data["receipt"] = photo or data.get("receipt")
        return data

    def _confirm_date(self, day: datetime.date | None, *, is_confirmed: bool) -> None:
        """Request confirmation of a day that is likely to be a typing error."""
        question = None
        if day and str(day) != self.data.get("known_date"):
            question = question_about(day, self.user.today())
        if question is None:
            del self.fields["odd_date"]
        elif not is_confirmed:
            self.add_error("date", question)


class NewExpenseForm(ExpenseForm):
    """A form for a new expense, with a key: sent twice, it stores one expense."""

    idempotency_key = forms.CharField(required=False, widget=forms.HiddenInput)

    @classmethod
    def blank(cls, user: User, like: Expense | None = None) -> Self:
        """Return a form with today's date and the other values of `like`, if given."""
        return cls._filled(user, _initial(like, user) if like else {})

    @classmethod
    def refund(cls, user: User, refunded: Expense) -> Self:
        """Return a form for a refund, with the values of the refunded expense."""
        return cls._filled(user, {**_initial(refunded, user), "kind": "refund"})

    @classmethod
    def _filled(cls, user: User, initial: dict[str, Any]) -> Self:
        initial |= {"date": user.today(), "idempotency_key": uuid.uuid4().hex}
        return cls(user=user, initial=initial)

    def clean_idempotency_key(self) -> str | None:
        return self.cleaned_data["idempotency_key"] or None

    def record(self, user: User, data: dict[str, Any]) -> Expense:
        """Store the expense, once even if the form is sent twice.

        Raises what `services.record_expense` raises. After a ConflictError the form has
        a new key, so that saving again stores another expense.
        """
        try:
            return services.record_expense(user, **data)
        except ConflictError as error:
            self.data = self.data.copy()
            self.data["idempotency_key"] = uuid.uuid4().hex
            raise ConflictError(
                gettext(
                    "You already saved a different expense from this page. Save"
                    " again to add this one too."
                )
            ) from error


class QuickAddForm(NewExpenseForm):
    """The dashboard's form: amount, category, description and date of an expense."""

    description = forms.CharField(
        label=_("Description (optional)"),
        max_length=DESCRIPTION.max_length,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    # Django removes an inherited field that is set to None.
    receipt = photo = kind = None  # type: ignore[assignment]
    merchant = notes = parts = None  # type: ignore[assignment]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        category = self.fields["category"]
        category.help_text = ""
        category.widget.attrs |= {"list": "categories", "autocomplete": "off"}


class EditExpenseForm(ExpenseForm):
    """A form for a stored expense, with its version, to detect concurrent changes."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    # The stored date, which needs no confirmation.
    known_date = forms.CharField(required=False, widget=forms.HiddenInput)
    drop_link = forms.BooleanField(label=_("Remove this link"), required=False)
    drop_receipt = forms.BooleanField(label=_("Remove receipt"), required=False)
    status = forms.ChoiceField(
        label=_("Status"),
        choices=STATUS_CHOICES,
        help_text=_("Cleared: on your statement. Void: kept, but not counted."),
    )

    def __init__(self, *args: Any, expense_id: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.expense_id = expense_id

    @functools.cached_property
    def stored(self) -> Expense:
        """The stored expense, read once. Raises NotFoundError."""
        return queries.get_expense(self.user, self.expense_id)

    def find_errors(self, data: Mapping[str, Any]) -> Mapping[str, list[str]]:
        fields = _fields_of(data)
        return self._without_category(
            validation.find_errors_of_changes(self.user, fields, self.stored)
        )

    @classmethod
    def of(cls, expense: Expense, user: User) -> "EditExpenseForm":
        """Return a form filled with an expense's values."""
        form = cls(
            user=user,
            expense_id=expense.expense_id,
            initial=_initial(expense, user)
            | {"known_date": expense.date, "version": int(expense.version)},
        )
        form.stored = expense
        return form

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        data.pop("known_date", None)
        if data.pop("drop_link", False):
            data["refund_of"] = ""
        if data.pop("drop_receipt", False) and not data["receipt"]:
            data["receipt"] = NoReceipt()
        return data

    def overwrite(self, stored: Expense) -> None:
        """Set the version of a stored expense, so that saving again overwrites it."""
        self.stored = stored
        self.data = self.data.copy()
        self.data["version"] = str(int(stored.version))

    def differences(self) -> list[tuple[str, str, str]]:
        """Return (label, stored value, typed value) of each field that differs."""
        stored, currency = self.stored, self.user.currency
        typed = {**self.cleaned_data, "date": str(self.cleaned_data["date"])}
        typed["parts"] = PARTS.validate(self.user, typed["parts"])
        if is_amount(typed["amount"], abs(stored.amount)):
            typed["amount"] = abs(stored.amount)
        else:
            typed["amount"] = parse_amount(typed["amount"], currency)
        return [
            (
                str(self[name].label),
                history.display(name, value, currency),
                history.display(name, typed[name], currency),
            )
            for name, value in values_of(stored).items()
            if name in typed and name in self.fields and value != typed[name]
        ]


def _fields_of(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in FIELDS if name in data}


def _initial(expense: Expense, user: User) -> dict[str, Any]:
    """Return the initial values of a form for an expense."""
    amount = editable(abs(expense.amount), user.currency)
    return {**values_of(expense), "amount": amount}


class CategoryForm(forms.Form):
    """The form for the new category of a selection."""

    category = forms.CharField(label=_("Category"), max_length=CATEGORY.max_length)


class FilterForm(ListForm):
    """The filters and order of the list of expenses."""

    arranging = ("sort",)

    q = forms.CharField(
        label=_("Search"),
        max_length=MAX_SEARCH_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Search")}),
    )
    start = DayField(label=_("From"), required=False)
    end = DayField(label=_("To"), required=False)
    category = forms.CharField(
        label=_("Category"), max_length=CATEGORY.max_length, required=False
    )
    merchant = forms.CharField(
        label=_("Merchant"), max_length=MERCHANT.max_length, required=False
    )
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[("", _("Any")), *STATUS_CHOICES],
        required=False,
    )
    kind = forms.ChoiceField(
        label=_("Type"),
        choices=[("", _("Any")), *KIND_CHOICES],
        required=False,
    )
    receipt = forms.ChoiceField(
        label=_("Receipt"),
        choices=[
            ("", _("Any")),
            ("missing", _("Missing")),
            ("attached", _("Attached")),
        ],
        required=False,
    )
    min_amount = AmountField(label=_("Min amount"), required=False)
    max_amount = AmountField(label=_("Max amount"), required=False)
    sort = forms.ChoiceField(
        label=_("Sort"),
        choices=[
            ("newest", _("Newest first")),
            ("oldest", _("Oldest first")),
            ("largest", _("Largest first")),
            ("smallest", _("Smallest first")),
        ],
        required=False,
        help_text=_("To sort by amount, choose a start and end date."),
    )

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("min_amount", "max_amount"):
            self.fields[name].currency = user.currency

    def without(self, query: QueryDict, chip: Chip) -> QueryDict:
        parameters = super().without(query, chip)
        if chip.names == self.days and parameters.get("sort") in AMOUNT_SORTS:
            del parameters["sort"]  # it needs the days
        return parameters

    def clean_sort(self) -> str:
        return self.cleaned_data["sort"] or "newest"
