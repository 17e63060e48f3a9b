"""Kinds of notification."""

# Sent by e-mail or shown in the app only, as each person prefers.
EMAIL_KINDS = (
    "budget_threshold",
    "budget_exceeded",
    "large_expense",
    "report_ready",
    "weekly_summary",
    "monthly_summary",
)
OPT_IN_KINDS = ("weekly_summary", "monthly_summary")  # off until asked for
# Always sent, and at once: they report what may be an intruder's doing.
SECURITY_KINDS = ("password_changed", "email_changed", "api_token_created")
