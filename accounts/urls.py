"""URLs of accounts; smartbudget.urls includes both lists."""

from django.urls import path, register_converter

from accounts import api as api_views
from accounts import views
from accounts.factors import urls as factors
from accounts.factors.api import (
    PasskeyLoginOptionsView,
    PasskeyLoginView,
    SecondStepView,
)
from accounts.factors.views import (
    log_in_with_passkey,
    remove_password,
    second_step,
    set_password,
)
from accounts.password_reset import urls as password_reset
from accounts.step_up import urls as step_up
from accounts.verification import urls as verification
from smartbudget.web.converters import DigestConverter

register_converter(DigestConverter, "session_id")
register_converter(DigestConverter, "token_id")

pages = [
    *step_up.pages,
    *verification.pages,
    *factors.pages,
    *password_reset.pages,
    path(
        "register",
        views.shared(views.register, api_views.RegisterView.as_view()),
        name="register",
    ),
    path(
        "login", views.shared(views.log_in, api_views.LoginView.as_view()), name="login"
    ),
    path(
        "login/second",
        views.shared(second_step, SecondStepView.as_view()),
        name="second-step",
    ),
    path(
        "login/passkey",
        views.shared(log_in_with_passkey, PasskeyLoginView.as_view()),
        name="passkey-login",
    ),
    path(
        "login/passkey/options",
        PasskeyLoginOptionsView.as_view(),
        name="passkey-login-options",
    ),
    path(
        "logout",
        views.shared(views.log_out, api_views.LogoutView.as_view()),
        name="logout",
    ),
    path("accounts/password", views.password, name="password"),
    path("accounts/password/set", set_password, name="set-password"),
    path("accounts/password/remove", remove_password, name="remove-password"),
    path("accounts/sessions", views.list_sessions, name="sessions"),
    path("accounts/sessions/others", views.end_other_sessions, name="end-others"),
    path(
        "accounts/sessions/<session_id:session_id>/end",
        views.end_session,
        name="end-session",
    ),
    path("accounts/not-me", views.reject_login, name="not-me"),
    path("accounts/not-me/<str:token>", views.open_not_me, name="open-not-me"),
    path("accounts/tokens", views.api_tokens, name="tokens"),
    path(
        "accounts/tokens/<token_id:token_id>/revoke",
        views.revoke_token,
        name="revoke-token",
    ),
]

api = [
    *step_up.api,
    *verification.api,
    *factors.api,
    *password_reset.api,
    path("password", api_views.PasswordView.as_view(), name="password"),
    path("sessions", api_views.SessionsView.as_view(), name="sessions"),
    path(
        "sessions/<session_id:session_id>",
        api_views.SessionView.as_view(),
        name="session",
    ),
    path("account/logins", api_views.LoginHistoryView.as_view(), name="logins"),
    path("tokens", api_views.TokensView.as_view(), name="tokens"),
    path("tokens/current", api_views.CurrentTokenView.as_view(), name="current_token"),
    path("tokens/<token_id:token_id>", api_views.TokenView.as_view(), name="token"),
]
