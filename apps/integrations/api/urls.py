"""Routes below ``/api/v1/``; ``hooks`` hangs at the root."""

from __future__ import annotations

from django.urls import path

from . import receiving, subscriptions, webhooks

app_name = "integrations"
_WEBHOOK = "webhooks/<str:key>"
_SUBSCRIPTION = "webhooks/subscriptions/<str:key>"
urlpatterns = [
    path("webhooks", webhooks.WebhookList.as_view(), name="webhooks"),
    path("webhooks/subscriptions", subscriptions.SubscriptionList.as_view(), name="subscriptions"),
    path(_SUBSCRIPTION, subscriptions.OneSubscription.as_view(), name="subscription"),
    path(f"{_SUBSCRIPTION}/pause", subscriptions.SubscriptionPause.as_view(), name="subscription-pause"),
    path(f"{_SUBSCRIPTION}/resume", subscriptions.SubscriptionResume.as_view(), name="subscription-resume"),
    path(f"{_SUBSCRIPTION}/deliveries", subscriptions.SubscriptionDeliveries.as_view(), name="subscription-deliveries"),
    path(f"{_SUBSCRIPTION}/ping", subscriptions.SubscriptionPing.as_view(), name="subscription-ping"),
    path(_WEBHOOK, webhooks.OneWebhook.as_view(), name="webhook"),
    path(f"{_WEBHOOK}/pause", webhooks.WebhookPause.as_view(), name="webhook-pause"),
    path(f"{_WEBHOOK}/resume", webhooks.WebhookResume.as_view(), name="webhook-resume"),
    path(f"{_WEBHOOK}/deliveries", webhooks.WebhookDeliveries.as_view(), name="webhook-deliveries"),
    path(f"{_WEBHOOK}/test", webhooks.WebhookTest.as_view(), name="webhook-test"),
]
hooks = [path("hooks/<path:path>", receiving.Hook.as_view(), name="hook")]
