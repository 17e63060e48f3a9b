"""Kinds of notification."""

# E-mails of these kinds can be turned off; the app still lists the notifications.
EMAIL_KINDS = (
    "budget_threshold",
    "budget_exceeded",
    "large_expense",
    "report_ready",
    "report_failed",
    "weekly_summary",
    "monthly_summary",
)
OPT_IN_KINDS = ("weekly_summary", "monthly_summary")  # off by default
# Always sent, and at once: an intruder may have caused them.
SECURITY_KINDS = (
    "password_changed",
    "password_removed",
    "email_changed",
    "email_restored",
    "api_token_created",
    "second_factor_added",
    "second_factor_removed",
    "second_factor_refused",
    "recovery_code_used",
    "recovery_codes_created",
    "new_device",
    "password_reset",
    "reset_link_created",
)
