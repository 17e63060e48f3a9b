"""Request and response bodies of the profile API; services validate."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import validators
from accounts.factors.serializers import FactorsOutput
from accounts.serializers import (
    NO_SUCH_CURRENCY,
    NO_SUCH_TIME_ZONE,
    PastLoginOutput,
    TimeZoneField,
)
from accounts.tokens import SCOPES
from budgets.serializers import (
    BudgetPeriodOutput,
    PeriodOutput,
    StoredBudgetOutput,
)
from expenses.imports.bookings import FORMATS
from expenses.imports.rules import MATCHES
from expenses.imports.serializers import ImportProfileOutput
from expenses.serializers import ChangeOutput, ExpenseOutput
from notifications.serializers import NotificationOutput
from notifications.subscriptions import STATES
from reports.periods import TYPES
from smartbudget.core.i18n import LANGUAGES
from smartbudget.core.money import CURRENCIES, format_amount
from smartbudget.core.periods import LAST, SHIFTS, WEEKDAYS
from smartbudget.web.base_serializers import InputSerializer, QueryInput
from smartbudget.web.fields import (
    AmountField,
    DayField,
    FlagField,
    IdField,
    PasswordField,
    TextField,
    WholeField,
    number_errors,
    one_of,
)


class EmailPreferences(InputSerializer):
    budget_threshold = FlagField(required=False)
    budget_exceeded = FlagField(required=False)
    large_expense = FlagField(required=False)
    report_ready = FlagField(required=False)
    report_failed = FlagField(required=False)
    weekly_summary = FlagField(required=False, help_text="Off by default.")
    monthly_summary = FlagField(required=False, help_text="Off by default.")


class QuietHours(InputSerializer):
    """Hours without e-mails. They can span midnight."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Not attributes: `from` is a Python keyword.
        return {
            "from": TextField(
                regex=validators.CLOCK.pattern,
                help_text="HH:MM in the user's time zone.",
            ),
            "until": TextField(
                regex=validators.CLOCK.pattern,
                help_text="HH:MM in the user's time zone.",
            ),
        }


@extend_schema_field(
    {
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": LAST,
        "pattern": "^last$",
        "description": f"1-{LAST} or `last`. A shorter month begins on its last day.",
    }
)
class MonthDayField(WholeField):
    """A day of the month as a number, or the last one."""

    def to_internal_value(self, data: Any) -> int:
        return LAST if data == "last" else super().to_internal_value(data)


_NO_MONTH_DAY = number_errors(_('Enter a day from 1 to 31, or "last".'))
_NO_MONTH = number_errors(_("Enter a month from 1 to 12."))


class CalendarInput(InputSerializer):
    """When weeks, months and years begin. Absent rules stay the same."""

    week_start = serializers.ChoiceField(
        WEEKDAYS, required=False, error_messages=one_of(WEEKDAYS)
    )
    month_start_day = MonthDayField(
        min_value=1, max_value=LAST, required=False, error_messages=_NO_MONTH_DAY
    )
    month_start_shift = serializers.ChoiceField(
        SHIFTS,
        required=False,
        error_messages=one_of(SHIFTS),
        help_text="A start on a weekend moves to the Friday before or Monday after.",
    )
    year_start_month = WholeField(
        min_value=1, max_value=12, required=False, error_messages=_NO_MONTH
    )


class CalendarOutput(serializers.Serializer[Any]):
    """When weeks, months and years begin."""

    week_start = serializers.ChoiceField(WEEKDAYS)
    month_start_day = serializers.IntegerField(
        min_value=1, max_value=LAST, help_text=f"{LAST}: the last day of the month."
    )
    month_start_shift = serializers.ChoiceField(SHIFTS)
    year_start_month = serializers.IntegerField(min_value=1, max_value=12)


class PeriodsOutput(serializers.Serializer[Any]):
    """The current periods and the next two of each."""

    weekly = PeriodOutput(many=True)
    monthly = PeriodOutput(many=True)
    yearly = PeriodOutput(many=True)


class CalendarPreview(serializers.Serializer[Any]):
    """The periods before and after a change of the calendar."""

    old = PeriodsOutput(help_text="Without the change.")
    new = PeriodsOutput(help_text="With the change.")
    description = serializers.CharField(
        help_text="What happens, in sentences. Empty if the calendar stays the same."
    )


class ProfileInput(InputSerializer):
    phone_number = TextField(
        regex=validators.PHONE.pattern, max_length=20, allow_blank=True, allow_null=True
    )
    currency = serializers.ChoiceField(
        sorted(CURRENCIES), error_messages=NO_SUCH_CURRENCY
    )
    time_zone = TimeZoneField(error_messages=NO_SUCH_TIME_ZONE)
    language = serializers.ChoiceField([*LANGUAGES], error_messages=one_of(LANGUAGES))
    large_expense_threshold = AmountField(allow_null=True)
    email_preferences = EmailPreferences()
    quiet_hours = QuietHours(allow_null=True)
    calendar = CalendarInput()


class ProfileOutput(serializers.Serializer[Any]):
    user_id = IdField()
    username = serializers.CharField()
    email = serializers.CharField(
        help_text="Empty if another account has confirmed the address: set another."
    )
    email_verified = serializers.BooleanField(
        source="is_verified",
        help_text="Whether the address is confirmed, by a link or by e-mail alerts.",
    )
    pending_email = serializers.CharField(
        allow_null=True, help_text="The new address until it is confirmed."
    )
    email_problem = serializers.CharField(
        source="account_mail_problem",
        allow_null=True,
        help_text="Of e-mail about the account: `bounced` or `reported_as_spam`.",
    )
    phone_number = serializers.CharField(allow_null=True)
    currency = serializers.ChoiceField(sorted(CURRENCIES))
    time_zone = serializers.CharField()
    language = serializers.ChoiceField(
        [*LANGUAGES], help_text="Used for pages, e-mails and reports."
    )
    large_expense_threshold = serializers.SerializerMethodField()
    email_preferences = serializers.DictField(child=serializers.BooleanField())
    quiet_hours = QuietHours(allow_null=True)
    calendar = CalendarOutput(source="user.calendar.rules")
    created_at = serializers.DateTimeField()

    def get_large_expense_threshold(self, account: Any) -> str | None:
        amount = account.large_expense_threshold
        return None if amount is None else format_amount(amount, account.currency)


class ChangedProfileOutput(ProfileOutput):
    preview = CalendarPreview(
        required=False, help_text="Only with `dry_run`: what would happen."
    )


class EmailInput(InputSerializer):
    password = PasswordField(
        required=False,
        help_text="Not needed within ten minutes of a login.",
    )
    email = TextField(max_length=254)


class ExportFilter(QueryInput):
    """Query parameters of the CSV download."""

    start = DayField(required=False, help_text="The first day.")
    end = DayField(required=False, help_text="The last day.")


class ExportedProfile(ProfileOutput):
    subscription_status = serializers.ChoiceField(STATES)


class ExportedToken(serializers.Serializer[Any]):
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()


class ExportedPasskey(serializers.Serializer[Any]):
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class ExportedFactors(FactorsOutput):
    passkeys = ExportedPasskey(many=True)


class ExportedHistory(serializers.Serializer[Any]):
    expense_id = IdField()
    changes = ChangeOutput(many=True, help_text="Newest first; the last 50.")


class ExportedImport(serializers.Serializer[Any]):
    import_id = IdField()
    file_name = serializers.CharField()
    format = serializers.ChoiceField(FORMATS)
    profile = serializers.CharField()
    created_at = serializers.DateTimeField()
    committed_at = serializers.DateTimeField(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField())


class ExportedImportProfile(ImportProfileOutput):
    mapping = serializers.DictField(help_text="Answers to questions about its files.")


class ExportedRule(serializers.Serializer[Any]):
    rule_id = IdField()
    text = serializers.CharField()
    match = serializers.ChoiceField(MATCHES)
    min_amount = serializers.CharField()
    max_amount = serializers.CharField()
    source = serializers.CharField()
    category = serializers.CharField()
    merchant = serializers.CharField()
    leave_out = serializers.BooleanField()
    never_guess = serializers.BooleanField()


class ExportedExpense(ExpenseOutput):
    source_text = serializers.CharField(
        allow_null=True, help_text="Of an imported expense: in the bank's words."
    )


class ExportedTrash(ExportedExpense):
    deleted_at = serializers.DateTimeField()


class ExportedReport(serializers.Serializer[Any]):
    file_name = serializers.CharField(
        help_text="Available at `/api/reports/<file_name>`."
    )
    report_type = serializers.ChoiceField(TYPES)
    created_at = serializers.DateTimeField()
    size_bytes = serializers.IntegerField()


class ExportedPeriod(BudgetPeriodOutput):
    budget_id = IdField()


class ExportOutput(serializers.Serializer[Any]):
    """All of a user's data except files, streamed."""

    made_at = serializers.DateTimeField()
    profile = ExportedProfile()
    second_factors = ExportedFactors()
    logins = PastLoginOutput(many=True)
    tokens = ExportedToken(many=True)
    budgets = StoredBudgetOutput(many=True)
    budget_periods = ExportedPeriod(
        many=True, help_text="The finished periods of all budgets."
    )
    imports = ExportedImport(many=True, help_text="Newest day first.")
    import_profiles = ExportedImportProfile(many=True)
    import_rules = ExportedRule(many=True)
    notifications = NotificationOutput(many=True)
    expenses = ExportedExpense(many=True, help_text="Newest first.")
    history = ExportedHistory(many=True, help_text="Of changed expenses.")
    trash = ExportedTrash(
        many=True, help_text="Deleted expenses that can be restored; not in totals."
    )
    reports = ExportedReport(many=True)


class DeletionInput(InputSerializer):
    password = PasswordField(
        required=False,
        help_text="Not needed within ten minutes of a login.",
    )


class DeletionOutput(serializers.Serializer[Any]):
    detail = serializers.CharField()
