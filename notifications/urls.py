"""URLs of notifications; smartbudget.urls includes both lists."""

from django.urls import path, register_converter

from notifications import api as api_views
from notifications import views
from smartbudget.web.converters import ItemIdConverter

register_converter(ItemIdConverter, "notification_id")

pages = [
    path("notifications", views.list_notifications, name="list"),
    path("notifications/read", views.mark_all, name="mark-all"),
    path("notifications/act", views.act, name="act"),
    path(
        "notifications/<notification_id:notification_id>",
        views.show_notification,
        name="notification",
    ),
    path(
        "notifications/<notification_id:notification_id>/read",
        views.mark,
        {"read": True},
        name="mark-read",
    ),
    path(
        "notifications/<notification_id:notification_id>/unread",
        views.mark,
        {"read": False},
        name="mark-unread",
    ),
    path("notifications/subscribe", views.subscribe, name="subscribe"),
    path("notifications/unsubscribe", views.unsubscribe, name="unsubscribe"),
    path(
        "notifications/unsubscribe/<notification_id:user_id>/<link_key:key>",
        views.unsubscribe_by_link,
        name="unsubscribe-by-link",
    ),
]

api = [
    path(
        "notifications",
        api_views.NotificationListView.as_view(),
        name="notifications",
    ),
    path(
        "notifications/subscribe",
        api_views.SubscriptionView.as_view(),
        name="subscription",
    ),
    path("notifications/unread", api_views.UnreadView.as_view(), name="unread"),
    path("notifications/read", api_views.ReadView.as_view(), name="read"),
    path(
        "notifications/<notification_id:notification_id>",
        api_views.NotificationView.as_view(),
        name="notification",
    ),
]
