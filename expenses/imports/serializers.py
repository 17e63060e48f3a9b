"""Request and response bodies of the import API; services validate."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from expenses.bulk_update import MAX_SELECTED
from expenses.fields import CATEGORY, MERCHANT
from expenses.imports import commit, services
from expenses.imports.bookings import FORMATS, MAX_TEXT_LENGTH
from expenses.imports.decisions import DECISIONS
from expenses.imports.messages import sentence
from expenses.imports.models import STATES, Import
from expenses.imports.preview import CHOICES, ImportRow
from expenses.imports.profiles import MAX_NAME_LENGTH
from expenses.imports.rules import MATCHES, MAX_RULES, Rule
from expenses.serializers import ExpenseOutput
from smartbudget.core.money import format_amount
from smartbudget.core.periods import PERIODS
from smartbudget.web.base_serializers import (
    FormInput,
    InputSerializer,
    ListQuery,
)
from smartbudget.web.fields import (
    BoundedListField,
    BoundField,
    FlagField,
    IdField,
    MoneyField,
    TextField,
    WholeField,
    one_of,
)

_PROFILE = "The name of a bank account. Default: the one recognized by the file."
# Of a mapping.
MAX_MAPPING_LENGTH = 5000  # characters of JSON
MAX_NUMBER = 100_000
MAX_DEPTH = 4

_MAPPING = "Answers to `questions`, and other corrections of `mapping`."


@extend_schema_field({"type": "object", "additionalProperties": True})
class MappingField(serializers.Field[Any, Any, Any, Any]):
    """A mapping of a file, as {name: value}."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Send a JSON object."))
        if not _is_plain(data):
            message = _("A value in this object is too large or has the wrong type.")
            raise serializers.ValidationError(message)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


def _is_plain(value: object, depth: int = 0) -> bool:
    """Check whether a mapping has only texts, small numbers, and lists of them."""
    if isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, list):
        inner = value
    elif isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    else:  # a float or a large number may not fit into what stores it
        is_number = isinstance(value, int) and abs(value) <= MAX_NUMBER
        return value is None or is_number
    return depth < MAX_DEPTH and all(_is_plain(item, depth + 1) for item in inner)


class FileInput(FormInput):
    """A bank's file."""

    file = serializers.FileField(
        help_text=(
            "CSV, OFX, QFX, QIF, CAMT or MT940, or a zip of one of them; 5 MB. A zip "
            "may have several CAMT, MT940 or OFX files, such as one for each day."
        )
    )
    profile = TextField(
        required=False, allow_blank=True, max_length=MAX_NAME_LENGTH, help_text=_PROFILE
    )
    mapping = TextField(
        required=False,
        allow_blank=True,
        max_length=MAX_MAPPING_LENGTH,
        help_text=f"{_MAPPING} A JSON object.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if text := attrs.pop("mapping", ""):
            try:
                attrs["mapping"] = MappingField().to_internal_value(json.loads(text))
            except (ValueError, RecursionError, serializers.ValidationError) as error:
                message = _("Send a JSON object.")
                raise serializers.ValidationError({"mapping": message}) from error
        return attrs


class ImportInput(InputSerializer):
    """Corrections with which a file is read again."""

    mapping = MappingField(required=False, help_text=_MAPPING)
    profile = TextField(
        required=False, allow_blank=True, max_length=MAX_NAME_LENGTH, help_text=_PROFILE
    )


class RowChoiceInput(InputSerializer):
    """The user's decision on a row."""

    row = WholeField(min_value=1, max_value=100_000)
    decision = serializers.ChoiceField(
        CHOICES, required=False, error_messages=one_of(CHOICES)
    )
    of = IdField(required=False, help_text="Of `match`: the expense that it is.")
    category = TextField(
        required=False, allow_blank=True, max_length=CATEGORY.max_length
    )
    merchant = TextField(
        required=False, allow_blank=True, max_length=MERCHANT.max_length
    )


class RowChoicesInput(InputSerializer):
    """Changes of rows."""

    RULE: Mapping[str, Any] = {"required": ["rows"]}

    rows = BoundedListField(child=RowChoiceInput(), max_length=services.MAX_CHANGED)

    def validate_rows(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        numbers = [choice["row"] for choice in value]
        if len(set(numbers)) < len(numbers):
            raise serializers.ValidationError(_("Send each row only once."))
        return value


class RowFilter(ListQuery):
    """The query parameters of the rows of an import."""

    decision = serializers.ChoiceField(
        DECISIONS, required=False, error_messages=one_of(DECISIONS)
    )


class UndoInput(InputSerializer):
    """Which expenses to undo although they were changed since."""

    expense_ids = BoundedListField(
        child=IdField(), min_length=0, max_length=MAX_SELECTED, required=False
    )


class QuestionOutput(serializers.Serializer[Any]):
    about = serializers.CharField(help_text="The name in `mapping` to answer with.")
    choices = serializers.ListField(child=serializers.CharField())
    examples = serializers.DictField(
        child=serializers.CharField(), help_text="What a choice means."
    )


class ImportOutput(serializers.Serializer[Any]):
    import_id = IdField()
    file_name = serializers.CharField()
    format = serializers.ChoiceField(FORMATS)
    profile = serializers.CharField(help_text="The bank account.")
    source = serializers.CharField(help_text="The id of the bank account.")
    account_label = serializers.CharField(help_text="The end of its number.")
    state = serializers.ChoiceField(STATES)
    problem = serializers.CharField(
        allow_null=True,
        help_text=(
            "Why the file was `refused`, or why it could not be read again and stayed "
            "a `preview`."
        ),
    )
    mapping = MappingField(help_text="How the file was read.")
    questions = QuestionOutput(
        many=True, help_text="To answer before the import can be committed."
    )
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Rows by `decision`."
    )
    rows = serializers.IntegerField(help_text="All rows of the file.")
    done = serializers.IntegerField(
        help_text="Rows that are finished: written, or found to be stored already."
    )
    created_at = serializers.DateTimeField()
    committed_at = serializers.DateTimeField(allow_null=True)
    undo_until = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Import) -> dict[str, Any]:
        counts = json.loads(instance.counts)
        begun = instance.committed_at
        return {
            "import_id": instance.import_id,
            "file_name": instance.file_name,
            "format": instance.format,
            "profile": instance.profile,
            "source": instance.source,
            "account_label": instance.account_label,
            "state": instance.state,
            "problem": instance.reason,
            "mapping": services.mapping_of(instance),
            "questions": [*map(asdict, services.questions_of(instance))],
            "counts": counts,
            "rows": sum(counts.values()),
            "done": int(instance.finished, 16).bit_count(),
            "created_at": instance.created_at,
            "committed_at": begun,
            "undo_until": commit.undo_until(instance) if begun else None,
        }


class BudgetOverOutput(serializers.Serializer[Any]):
    """A budget in its current period, as it would be after the import."""

    budget_id = IdField()
    category = serializers.CharField(help_text="All of them, if there are several.")
    period = serializers.ChoiceField(PERIODS)
    start = serializers.DateField(source="within.start")
    end = serializers.DateField(source="within.end")
    limit = MoneyField()
    spent = MoneyField(help_text="With the new expenses.")
    over = MoneyField(help_text="`spent` less `limit`.")


class ImportDetailOutput(ImportOutput):
    """An import with what it would do to budgets."""

    budgets_over = BudgetOverOutput(
        many=True,
        help_text=(
            "Budgets that the new rows would take over their limits; none once the"
            " import was begun."
        ),
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        record, over = instance
        lines = self.fields["budgets_over"].to_representation(over)
        return {**super().to_representation(record), "budgets_over": lines}


class ImportPage(serializers.Serializer[Any]):
    results = ImportOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ImportRowOutput(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    place = serializers.CharField(help_text="In the file.")
    decision = serializers.ChoiceField(DECISIONS)
    because = serializers.CharField(help_text="A sentence, or empty.")
    of = IdField(allow_null=True, help_text="The expense that the decision is about.")
    chosen = serializers.BooleanField(help_text="Changed by the caller.")
    date = serializers.DateField(allow_null=True)
    amount = MoneyField(
        allow_null=True, help_text="As the bank has it: negative if paid."
    )
    text = serializers.CharField(help_text="In the bank's words.")
    merchant = serializers.CharField()
    category = serializers.CharField(help_text="Empty: Uncategorized.")
    category_because = serializers.CharField(help_text="A sentence, or empty.")
    cell = serializers.CharField(help_text="What can't be read.")

    def to_representation(self, instance: ImportRow) -> dict[str, Any]:
        amount = None
        if instance.amount:
            amount = _money(instance.amount, self.context["currency"])
        return {
            "row": instance.number,
            "place": sentence(instance.place, instance.place_values),
            "decision": instance.decision,
            "because": sentence(instance.because, instance.values),
            "of": instance.of or None,
            "chosen": instance.is_chosen,
            "date": instance.day or None,
            "amount": amount,
            "text": instance.text,
            "merchant": instance.merchant,
            "category": instance.category,
            "category_because": sentence(
                instance.category_because, instance.category_values
            ),
            "cell": instance.cell,
        }


class ImportRowPage(serializers.Serializer[Any]):
    results = ImportRowOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ProgressOutput(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="Rows that are finished so far.")
    left = serializers.IntegerField(
        help_text="Rows that remain: repeat the request until it is 0."
    )
    alerts = serializers.IntegerField(
        help_text="Alerts caused. Those of all requests are sent in one e-mail."
    )


class UndoneImportOutput(ProgressOutput):
    changed = ExpenseOutput(
        many=True,
        help_text=(
            "Changed since, and left as they are. Send their ids to undo them too."
        ),
    )


class ImportProfileInput(InputSerializer):
    """The name of a bank account."""

    name = TextField(max_length=MAX_NAME_LENGTH)


class ImportProfileOutput(serializers.Serializer[Any]):
    source = IdField(help_text="Its id, also in rules and imports.")
    name = serializers.CharField()
    format = serializers.ChoiceField(FORMATS, help_text="Of the last file.")
    account_label = serializers.CharField(help_text="The end of its number.")
    used_at = serializers.DateTimeField(help_text="Time of the last import.")


class ImportProfilesOutput(serializers.Serializer[Any]):
    profiles = ImportProfileOutput(many=True, help_text="The one used last first.")


class RuleInput(InputSerializer):
    """A rule. It needs a condition and something to do."""

    rule_id = IdField(required=False, help_text="Of a rule that stays.")
    text = TextField(
        required=False,
        allow_blank=True,
        max_length=MAX_TEXT_LENGTH,
        help_text="Compared with the merchant and the bank's words. Case is ignored.",
    )
    match = serializers.ChoiceField(
        MATCHES, required=False, error_messages=one_of(MATCHES)
    )
    min_amount = BoundField(required=False)
    max_amount = BoundField(required=False)
    source = TextField(
        required=False,
        allow_blank=True,
        max_length=32,
        help_text="Only this bank account.",
    )
    category = TextField(
        required=False, allow_blank=True, max_length=CATEGORY.max_length
    )
    merchant = TextField(
        required=False, allow_blank=True, max_length=MERCHANT.max_length
    )
    leave_out = FlagField(required=False, help_text="Do not import such rows.")
    never_guess = FlagField(
        required=False, help_text="Suggest no category because of earlier expenses."
    )


class RulesInput(InputSerializer):
    """All rules, in the order in which they are tried."""

    rules = BoundedListField(child=RuleInput(), min_length=0, max_length=MAX_RULES)


class RememberInput(InputSerializer):
    """A row of an import, for a new rule."""

    RULE: Mapping[str, Any] = {"required": ["import_id", "row"]}

    import_id = IdField()
    row = WholeField(min_value=1, max_value=100_000)
    never_guess = FlagField(
        required=False,
        help_text="Suggest no category for the merchant, instead of the row's.",
    )


class RuleOutput(serializers.Serializer[Any]):
    rule_id = IdField()
    text = serializers.CharField()
    match = serializers.ChoiceField(MATCHES)
    min_amount = MoneyField(allow_null=True)
    max_amount = MoneyField(allow_null=True)
    source = serializers.CharField()
    category = serializers.CharField()
    merchant = serializers.CharField()
    leave_out = serializers.BooleanField()
    never_guess = serializers.BooleanField()

    def to_representation(self, instance: Rule) -> dict[str, Any]:
        currency = self.context["currency"]
        names = [name for name in self.fields if not name.endswith("_amount")]
        shown = {name: getattr(instance, name) for name in names}
        for name in ("min_amount", "max_amount"):
            text = getattr(instance, name)
            shown[name] = _money(text, currency) if text else None
        return {name: shown[name] for name in self.fields}


class RulesOutput(serializers.Serializer[Any]):
    rules = RuleOutput(many=True)


def _money(text: str, currency: str) -> str:
    return format_amount(Decimal(text), currency)
