"""Kinds of notification."""

# Can be turned off for e-mail; then they are only shown in the app.
EMAIL_KINDS = (
    "budget_threshold",
    "budget_exceeded",
    "large_expense",
    "report_ready",
    "weekly_summary",
    "monthly_summary",
)
OPT_IN_KINDS = ("weekly_summary", "monthly_summary")  # off by default
# Always sent, and at once: an intruder may have caused them.
SECURITY_KINDS = ("password_changed", "email_changed", "api_token_created")
