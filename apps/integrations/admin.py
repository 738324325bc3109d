"""Webhooks in Django's admin site, to look at. Changes go through the services."""

from __future__ import annotations

from django.contrib import admin

from apps.auth.admin import ReadOnlyAdmin
from apps.integrations.models import Webhook, WebhookReception, WebhookSubscription


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    permission = "view:webhook"
    list_display = ("key", "path", "workflow_id", "enabled", "owner", "inline")
    list_filter = ("enabled", "inline")
    search_fields = ("key", "path", "=workflow_id")
    list_select_related = ("owner",)


@admin.register(WebhookReception)
class WebhookReceptionAdmin(ReadOnlyAdmin):
    permission = "view:webhook"
    list_display = ("webhook", "at", "outcome", "status", "reason", "event_id", "address")
    list_filter = ("outcome",)
    search_fields = ("=event_id",)
    list_select_related = ("webhook",)
    ordering = ("-at",)


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(ReadOnlyAdmin):
    permission = "view:webhook"
    list_display = ("key", "url", "enabled", "owner", "paused_reason")
    list_filter = ("enabled",)
    search_fields = ("key", "url")
    list_select_related = ("owner",)
