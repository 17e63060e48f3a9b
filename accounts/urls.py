"""Addresses of accounts; smartbudget.urls says how the lists are used."""

from django.urls import path

from accounts import api, views

pages = [
    path(
        "register",
        views.shared(views.register, api.RegisterView.as_view()),
        name="register",
    ),
    path("login", views.shared(views.log_in, api.LoginView.as_view()), name="login"),
    path(
        "logout", views.shared(views.log_out, api.LogoutView.as_view()), name="logout"
    ),
    path("accounts/profile", views.profile, name="profile"),
    path("accounts/password", views.password, name="password"),
]

api = [
    path("api/profile", api.ProfileView.as_view(), name="profile"),
    path("api/password", api.PasswordView.as_view(), name="password"),
]
