"""URLs of password resets; accounts.urls includes both lists."""

from django.urls import path

from accounts.password_reset import api as api_views
from accounts.password_reset import views

pages = [
    path("accounts/reset", views.request_link, name="reset"),
    path("accounts/reset/sent", views.show_sent, name="reset-sent"),
    path("accounts/reset/new", views.new_password, name="new-password"),
    path("accounts/reset/<str:token>", views.open_link, name="open-reset"),
]

api = [
    path(
        "account/password-reset",
        api_views.PasswordResetView.as_view(),
        name="password_reset",
    ),
    path(
        "account/password-reset/complete",
        api_views.NewPasswordView.as_view(),
        name="complete_password_reset",
    ),
]
