"""Addresses of accounts; smartbudget.urls says how the lists are used."""

from django.urls import path

from accounts import api as api_views
from accounts import views

pages = [
    path(
        "register",
        views.shared(views.register, api_views.RegisterView.as_view()),
        name="register",
    ),
    path(
        "login", views.shared(views.log_in, api_views.LoginView.as_view()), name="login"
    ),
    path(
        "logout",
        views.shared(views.log_out, api_views.LogoutView.as_view()),
        name="logout",
    ),
    path("accounts/profile", views.profile, name="profile"),
    path("accounts/password", views.password, name="password"),
    path("accounts/email", views.email, name="email"),
    path("accounts/email/cancel", views.cancel_email, name="cancel-email"),
]

api = [
    path("api/profile", api_views.ProfileView.as_view(), name="profile"),
    path("api/password", api_views.PasswordView.as_view(), name="password"),
    path("api/email", api_views.EmailView.as_view(), name="email"),
]
