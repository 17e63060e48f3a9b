"""URLs of verified addresses; accounts.urls includes both lists."""

from django.urls import path, register_converter

from accounts.verification import api as api_views
from accounts.verification import views
from smartbudget.web.converters import LinkKeyConverter

register_converter(LinkKeyConverter, "link_key")

pages = [
    path("accounts/verify", views.verify, name="verify"),
    path("accounts/verify/send", views.send_again, name="send-verification"),
    path("accounts/verify/<link_key:token>", views.open_link, name="open-verify"),
    path("accounts/undo-email", views.undo_change, name="undo-email"),
    path(
        "accounts/undo-email/<link_key:token>",
        views.open_undo_link,
        name="open-undo-email",
    ),
    path(
        "notifications/confirm/<link_key:token>",
        views.confirm_subscription,
        name="confirm-subscription",
    ),
]

api = [
    path(
        "account/email/verification",
        api_views.VerificationView.as_view(),
        name="email_verification",
    ),
]
