"""Addresses of notifications; smartbudget.urls says how the lists are used."""

from django.urls import path, register_converter

from notifications import api as api_views
from notifications import views
from smartbudget.web.converters import ItemIdConverter

register_converter(ItemIdConverter, "notification_id")

pages = [
    path("notifications", views.list_notifications, name="list"),
    path("notifications/subscribe", views.subscribe, name="subscribe"),
    path("notifications/unsubscribe", views.unsubscribe, name="unsubscribe"),
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
