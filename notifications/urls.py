"""Addresses of notifications; smartbudget.urls says how the lists are used."""

from django.urls import path, register_converter

from notifications import api as api_views
from notifications import views
from smartbudget.web.converters import ItemIdConverter, LinkKeyConverter

register_converter(ItemIdConverter, "notification_id")
register_converter(LinkKeyConverter, "link_key")

pages = [
    path("notifications", views.list_notifications, name="list"),
    path("notifications/subscribe", views.subscribe, name="subscribe"),
    path("notifications/unsubscribe", views.unsubscribe, name="unsubscribe"),
    path(
        "notifications/confirm/<link_key:token>",
        views.confirm_by_link,
        name="confirm-by-link",
    ),
    path(
        "notifications/unsubscribe/<notification_id:user_id>/<link_key:key>",
        views.unsubscribe_by_link,
        name="unsubscribe-by-link",
    ),
]

api = [
    path(
        "api/notifications",
        api_views.NotificationListView.as_view(),
        name="notifications",
    ),
    path(
        "api/notifications/subscribe",
        api_views.SubscriptionView.as_view(),
        name="subscription",
    ),
    path(
        "api/notifications/<notification_id:notification_id>",
        api_views.NotificationView.as_view(),
        name="notification",
    ),
]
