"""Request and response bodies of the expense API; services validate."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from expenses import trash
from expenses.bulk_create import MAX_ROWS
from expenses.bulk_update import MAX_SELECTED
from expenses.external_ids import MAX_ID_LENGTH, MAX_SOURCE_LENGTH
from expenses.fields import CATEGORY, DESCRIPTION, MERCHANT, NOTES, represent_part
from expenses.history import LABELS, Edit, represent_edited
from expenses.models import KINDS, STATUSES, Expense, TrashedExpense
from expenses.parts import MAX_NOTE_LENGTH, MAX_PARTS
from expenses.queries import RECEIPTS
from expenses.receipts.serializers import DIGEST, FILE, SHA256, Sha256Field, checked
from expenses.receipts.services import ConfirmedUpload, NoReceipt
from expenses.search import MAX_SEARCH_LENGTH
from smartbudget.core import dates
from smartbudget.core.money import format_amount
from smartbudget.web.base_serializers import (
    FormInput,
    InputSerializer,
    ListQuery,
    having,
)
from smartbudget.web.fields import (
    AmountField,
    BoundedListField,
    BoundField,
    DayField,
    FlagField,
    IdField,
    MoneyField,
    TextField,
    one_of,
)

ORDERINGS = {
    "-date": "newest",
    "date": "oldest",
    "-amount": "largest",
    "amount": "smallest",
}


class ExpensePartInput(InputSerializer):
    """A part of a split expense."""

    category = TextField(max_length=CATEGORY.max_length)
    amount = AmountField()
    note = TextField(required=False, allow_blank=True, max_length=MAX_NOTE_LENGTH)


class ValuesInput(InputSerializer):
    """The values of an expense."""

    amount = AmountField()
    kind = serializers.ChoiceField(
        KINDS,
        required=False,
        error_messages=one_of(KINDS),
        help_text=(
            "Default: `expense`. The amount of a `refund` is above zero too; totals"
            " subtract it."
        ),
    )
    category = TextField(
        max_length=CATEGORY.max_length,
        required=False,
        allow_null=True,
        help_text="Required, unless there are `parts`. Null: none.",
        error_messages={"required": _("Enter a category.")},
    )
    parts = BoundedListField(
        child=ExpensePartInput(),
        min_length=0,
        max_length=MAX_PARTS,
        required=False,
        help_text=(
            "2 to 15 parts of a split expense, which add up to its amount and have the"
            " categories instead of it. An empty list: not split."
        ),
    )
    description = TextField(
        lines=True,
        max_length=DESCRIPTION.max_length,
        required=False,
        allow_blank=True,
    )
    merchant = TextField(
        max_length=MERCHANT.max_length,
        required=False,
        allow_blank=True,
        help_text="The shop or person that was paid, or that refunded.",
    )
    notes = TextField(
        lines=True,
        max_length=NOTES.max_length,
        required=False,
        allow_blank=True,
    )
    date = DayField(
        required=False, help_text="Default: today in the caller's time zone."
    )
    status = serializers.ChoiceField(
        STATUSES, required=False, error_messages=one_of(STATUSES)
    )

    def to_internal_value(self, data: Any) -> Any:
        # Here, so that a missing category is reported with all other errors.
        has_parts = isinstance(data, Mapping) and data.get("parts")
        self.fields["category"].required = not has_parts
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "category" in attrs and attrs["category"] is None:
            if not attrs.get("parts"):
                raise serializers.ValidationError({"category": _("Enter a category.")})
            del attrs["category"]
        return attrs


class ExternalIdInput(InputSerializer):
    """A program's id of a new expense, which is added only once."""

    source = TextField(
        required=False,
        allow_blank=True,
        allow_null=True,
        max_length=MAX_SOURCE_LENGTH,
        help_text="The program, or the account that it reads. Needs `external_id`.",
    )
    external_id = TextField(
        required=False,
        allow_blank=True,
        allow_null=True,
        max_length=MAX_ID_LENGTH,
        help_text=(
            "The id of this expense in `source`. With the same source, id and amount,"
            " it is added only once."
        ),
    )


class RowInput(ValuesInput, ExternalIdInput):
    """An expense in a bulk request."""


class RefundInput(InputSerializer):
    """The expense that a refund is linked to."""

    refund_of = TextField(
        required=False,
        allow_blank=True,
        allow_null=True,
        regex="[0-9a-f]{32}",
        max_length=32,
        help_text="The expense that was refunded. Null or empty: none.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "refund_of" in attrs:
            attrs["refund_of"] = attrs["refund_of"] or ""
        return attrs


class ReceiptUrlInput(InputSerializer):
    """The direct upload that becomes the receipt of an expense."""

    receipt_url = TextField(
        required=False,
        allow_blank=True,
        allow_null=True,
        max_length=200,
        help_text="The key of a confirmed direct upload. Null or empty: no receipt.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "receipt_url" in attrs:
            if key := attrs.pop("receipt_url"):
                attrs["receipt"] = ConfirmedUpload(key)
            elif self.partial:
                attrs["receipt"] = NoReceipt()
        return attrs


class ExpenseInput(RefundInput, ValuesInput, ReceiptUrlInput, ExternalIdInput):
    """A new expense."""


# The name that generated clients know.
@extend_schema_serializer(component_name="ExpenseInput")
class EditExpenseInput(RefundInput, ValuesInput, ReceiptUrlInput):
    """The values of an expense that change."""

    rescale = FlagField(
        required=False,
        help_text=(
            "`true`: divide a new `amount` among the parts in their proportions."
            " Otherwise they must add up to it."
        ),
    )


class NewExpenseInput(ExpenseInput):
    """A new expense; as multipart/form-data it may include the receipt."""

    file = serializers.FileField(required=False, help_text=FILE)
    sha256 = TextField(required=False, regex=DIGEST, max_length=64, help_text=SHA256)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if "file" in attrs:
            if "receipt" in attrs:
                raise serializers.ValidationError(
                    {"receipt_url": _("Send a file or a key, not both.")}
                )
            attrs["receipt"] = checked(attrs.pop("file"), attrs.pop("sha256", None))
        elif "sha256" in attrs:
            raise serializers.ValidationError({"sha256": _("No file was sent.")})
        return attrs


class ExpenseWithReceiptInput(RefundInput, ValuesInput, FormInput):
    """A new expense and its receipt, as multipart/form-data."""

    category = TextField(max_length=CATEGORY.max_length)
    # The docs page could not leave it out of its form.
    parts = None  # type: ignore[assignment]
    refund_of = TextField(  # forms send an empty text without one
        required=False,
        allow_blank=True,
        regex="[0-9a-f]{32}",
        max_length=32,
        help_text="The expense that was refunded. Empty: none.",
    )
    file = serializers.FileField(help_text=FILE)
    sha256 = Sha256Field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        attrs["receipt"] = checked(attrs.pop("file"), attrs.pop("sha256", None))
        return attrs


class BulkInput(InputSerializer):
    """New expenses."""

    expenses = BoundedListField(child=RowInput(), max_length=MAX_ROWS)


class ExpenseFilter(ListQuery):
    """The query parameters of the list of expenses."""

    start = DayField(required=False, help_text="The first day.")
    end = DayField(required=False, help_text="The last day.")
    category = TextField(
        required=False, max_length=CATEGORY.max_length, help_text="Case is ignored."
    )
    merchant = TextField(
        required=False, max_length=MERCHANT.max_length, help_text="Case is ignored."
    )
    status = serializers.ChoiceField(
        STATUSES, required=False, error_messages=one_of(STATUSES)
    )
    kind = serializers.ChoiceField(KINDS, required=False, error_messages=one_of(KINDS))
    receipt = serializers.ChoiceField(
        RECEIPTS,
        required=False,
        help_text="`missing`: only expenses without a receipt.",
    )
    q = TextField(
        required=False,
        max_length=MAX_SEARCH_LENGTH,
        help_text=(
            "Part of the category, merchant, description or notes. Case and accents are"
            " ignored."
        ),
    )
    min_amount = BoundField(
        required=False,
        help_text=(
            "The smallest amount, of expenses and refunds. With `category`, of what a"
            " split expense has in it."
        ),
    )
    max_amount = BoundField(
        required=False, help_text="The largest amount; see `min_amount`."
    )
    ordering = serializers.ChoiceField(
        [*ORDERINGS],
        required=False,
        error_messages=one_of(ORDERINGS),
        help_text=(
            "Default: `-date` (newest first). Sorting by amount requires"
            " `start` and `end`; equal amounts are sorted by date, in the"
            " same direction."
        ),
    )
    totals = FlagField(
        required=False,
        help_text=(
            "`true`: include `totals` of the whole list. Always included"
            " when sorting by amount."
        ),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "ordering" in attrs:
            attrs["sort"] = ORDERINGS[attrs.pop("ordering")]
        return attrs


class ExpensePartOutput(serializers.Serializer[Any]):
    category = serializers.CharField()
    amount = MoneyField(help_text="Above zero, also for a refund.")
    note = serializers.CharField()


class ExpenseOutput(serializers.Serializer[Any]):
    expense_id = IdField()
    amount = MoneyField(help_text="Above zero, also for a refund.")
    kind = serializers.ChoiceField(
        KINDS, help_text="Totals subtract the amount of a `refund`."
    )
    category = serializers.CharField(
        allow_null=True, help_text="Null for a split expense: see `parts`."
    )
    parts = ExpensePartOutput(many=True, help_text="Empty unless it is split.")
    merchant = serializers.CharField()
    description = serializers.CharField()
    notes = serializers.CharField()
    date = serializers.DateField(help_text="In the caller's time zone.")
    receipt_url = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(STATUSES)
    refund_of = IdField(
        allow_null=True,
        help_text="The `expense_id` of what was refunded, even if deleted since.",
    )
    source = serializers.CharField(
        allow_null=True, help_text="As sent by the program that added it."
    )
    external_id = serializers.CharField(
        allow_null=True, help_text="As sent by the program that added it."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Expense) -> dict[str, Any]:
        """Return the stored values, but the amount's sign as the kind.

        Without asking each field, which takes several times as long.
        """
        stored = instance.attribute_values
        shown = {name: stored.get(name) for name in self.fields}
        amount = abs(instance.amount)
        currency = self.context["currency"]
        shown["amount"] = format_amount(amount, currency)
        shown["kind"] = instance.kind
        shown["category"] = instance.category or None
        shown["parts"] = [represent_part(part, currency) for part in instance.parts]
        return shown


class ListedExpenseOutput(ExpenseOutput):
    amount_in_category = MoneyField(
        required=False,
        help_text=(
            "Only with the filter `category`: the amount in that category, which is"
            " what `totals` count."
        ),
    )

    def to_representation(self, instance: Expense) -> dict[str, Any]:
        shown = super().to_representation(instance)
        del shown["amount_in_category"]
        if key := self.context["category_key"]:
            amount, currency = abs(instance.amount_in(key)), self.context["currency"]
            shown["amount_in_category"] = format_amount(amount, currency)
        return shown


CHANGES = {"anyOf": [having("category"), having("status")]}


class SelectedInput(InputSerializer):
    """Expenses to change or delete."""

    # The rule of `validate`. No oneOf: generated clients would create two classes.
    RULE = {
        "if": {"properties": {"delete": {"const": True}}, "required": ["delete"]},
        "then": {"not": CHANGES},
        "else": CHANGES,
    }

    expense_ids = BoundedListField(child=IdField(), max_length=MAX_SELECTED)
    category = TextField(max_length=CATEGORY.max_length, required=False)
    status = serializers.ChoiceField(
        STATUSES, required=False, error_messages=one_of(STATUSES)
    )
    delete = FlagField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        changes = not {"category", "status"}.isdisjoint(attrs)
        if changes == attrs.get("delete", False):
            raise serializers.ValidationError(
                _("Send a category, a status or both, or set delete to true.")
            )
        return attrs


class DoneOutput(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Changed or deleted.")
    unchanged = serializers.IntegerField(help_text="Already had that value.")
    split = serializers.IntegerField(
        help_text="Left alone, since a split expense has no category of its own."
    )
    gone = serializers.IntegerField(help_text="Already deleted, or not the caller's.")
    alerts = serializers.IntegerField(
        help_text="Number of alerts caused. Two or more are sent in one e-mail."
    )
    undo_id = IdField(
        allow_null=True, help_text="For `undo_change`. Null if nothing changed."
    )


class UndoneOutput(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Restored, or as before again.")
    unchanged = serializers.IntegerField(help_text="Already as before.")
    skipped = serializers.IntegerField(help_text="Changed since, and left as they are.")
    gone = serializers.IntegerField(help_text="Deleted since.")
    alerts = serializers.IntegerField(
        help_text="Number of alerts caused. Two or more are sent in one e-mail."
    )


class EditOutput(serializers.Serializer[Any]):
    field = serializers.ChoiceField([*LABELS])
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Edit) -> dict[str, Any]:
        currency = self.context["currency"]
        return {
            "field": instance.field,
            "before": represent_edited(instance.field, instance.before, currency),
            "after": represent_edited(instance.field, instance.after, currency),
        }


class ChangeOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    created = serializers.BooleanField(
        help_text="True if this is the creation of the expense."
    )
    edits = EditOutput(many=True)


class RefundsOutput(serializers.Serializer[Any]):
    results = ExpenseOutput(many=True)


class HistoryOutput(serializers.Serializer[Any]):
    results = ChangeOutput(many=True)


class KnownRowOutput(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="In the request, counted from 0.")
    expense_id = IdField()


class BulkOutput(serializers.Serializer[Any]):
    """The result of each row, in one of the three lists."""

    results = ExpenseOutput(
        many=True, source="expenses", help_text="New expenses, in the order sent."
    )
    duplicates = KnownRowOutput(
        many=True,
        help_text="Rows with an `external_id` whose expense exists, or is a row above.",
    )
    deleted = KnownRowOutput(
        many=True,
        help_text="Rows with an `external_id` whose expense the user deleted.",
    )
    alerts = serializers.IntegerField(
        help_text="Number of alerts caused. Two or more are sent in one e-mail."
    )


class TrashedOutput(ExpenseOutput):
    deleted_at = serializers.DateTimeField()
    restorable_until = serializers.DateTimeField()

    def to_representation(  # type: ignore[override]
        self, instance: TrashedExpense
    ) -> dict[str, Any]:
        shown = super().to_representation(instance.expense)
        until = dates.timestamp(trash.restorable_until(instance))
        return {**shown, "deleted_at": instance.deleted_at, "restorable_until": until}


class TrashPage(serializers.Serializer[Any]):
    results = TrashedOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class EmptiedOutput(serializers.Serializer[Any]):
    deleted = serializers.IntegerField(help_text="Expenses deleted by this request.")
    left = serializers.BooleanField(
        help_text="True: send the same request again to continue."
    )


class TotalsOutput(serializers.Serializer[Any]):
    """Totals of the whole filtered list. Void expenses are listed but not added."""

    count = serializers.IntegerField()
    total = MoneyField(help_text="Expenses less refunds; may be negative.")
    complete = serializers.BooleanField(
        help_text=(
            "False if there are more than about 60,000; older ones are not included."
        )
    )


class ExpensePage(serializers.Serializer[Any]):
    results = ListedExpenseOutput(many=True)
    totals = TotalsOutput(
        required=False,
        help_text="Included with `totals=true` or when sorting by amount.",
    )
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
