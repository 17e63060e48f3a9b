"""URLs of profiles; smartbudget.urls includes both lists."""

from django.urls import path

from profiles import api as api_views
from profiles import views

pages = [
    path("accounts/profile", views.profile, name="profile"),
    path("accounts/calendar", views.calendar, name="calendar"),
    path("accounts/delete", views.delete_account, name="delete"),
    path("accounts/export", views.export_data, name="export"),
    path("accounts/email", views.email, name="email"),
    path("accounts/email/cancel", views.cancel_email, name="cancel-email"),
]

api = [
    path("profile", api_views.ProfileView.as_view(), name="profile"),
    path("account", api_views.AccountView.as_view(), name="account"),
    path("export", api_views.ExportView.as_view(), name="export"),
    path("export.json", api_views.JsonExportView.as_view(), name="export_json"),
    path(
        "export/expenses.csv",
        api_views.CsvExportView.as_view(),
        name="export_expenses",
    ),
    path("email", api_views.EmailView.as_view(), name="email"),
]
