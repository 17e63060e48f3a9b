"""URLs of the staff site; smartbudget.urls includes both lists."""

from django.urls import path, register_converter

from smartbudget.web.converters import ItemIdConverter
from staff import api as api_views
from staff import views

register_converter(ItemIdConverter, "user_id")

api = [
    path("admin/health", api_views.HealthView.as_view(), name="health"),
    path("admin/users/find", api_views.FindUserView.as_view(), name="find-user"),
    path(
        "admin/users/search", api_views.SearchUsersView.as_view(), name="search-users"
    ),
    path(
        "admin/users/<user_id:user_id>",
        api_views.UserView.as_view(),
        name="user",
    ),
    path(
        "admin/users/<user_id:user_id>/lock",
        api_views.LockView.as_view(),
        name="lock-user",
    ),
    path(
        "admin/users/<user_id:user_id>/unlock",
        api_views.UnlockView.as_view(),
        name="unlock-user",
    ),
    path(
        "admin/users/<user_id:user_id>/reset-link",
        api_views.ResetLinkView.as_view(),
        name="reset-link",
    ),
    path(
        "admin/notifications/failed",
        api_views.FailedView.as_view(),
        name="failed-notifications",
    ),
    path(
        "admin/notifications/resend",
        api_views.ResendView.as_view(),
        name="resend-notifications",
    ),
    path(
        "admin/dead-letters",
        api_views.DeadLettersView.as_view(),
        name="dead-letters",
    ),
    path(
        "admin/dead-letters/redrive",
        api_views.RedriveView.as_view(),
        name="redrive",
    ),
]

# Not in `pages`: the staff pages are a separate section of the menu.
root = [
    path("admin", views.index, name="staff"),
    path("admin/users", views.find_user, name="staff-users"),
    path("admin/users/<user_id:user_id>", views.user, name="staff-user"),
    path("admin/users/<user_id:user_id>/unlock", views.unlock, name="staff-unlock"),
    path(
        "admin/users/<user_id:user_id>/reset-link",
        views.reset_link,
        name="staff-reset-link",
    ),
    path("admin/notifications", views.overview, name="staff-notifications"),
    path("admin/notifications/resend", views.resend, name="staff-resend"),
    path("admin/dead-letters/redrive", views.redrive, name="staff-redrive"),
]
