"""URLs of step-up; accounts.urls includes both lists."""

from django.urls import path

from accounts.step_up.api import ConfirmView, PasskeyOptionsView
from accounts.step_up.views import confirm

pages = [path("accounts/confirm", confirm, name="confirm")]

api = [
    path("account/confirmation", ConfirmView.as_view(), name="confirm_session"),
    path(
        "account/confirmation/passkey/options",
        PasskeyOptionsView.as_view(),
        name="passkey_confirmation_options",
    ),
]
