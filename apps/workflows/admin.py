"""What starts runs and what runs wait for, in Django's admin site, to look at. Changes go through the services."""

from __future__ import annotations

from django.contrib import admin

from apps.auth.admin import ReadOnlyAdmin
from apps.workflows.models import Schedule, Subscription, Trigger


@admin.register(Trigger)
class TriggerAdmin(ReadOnlyAdmin):
    permission = "view:trigger"
    list_display = ("key", "event_pattern", "trigger_type", "workflow_id", "enabled", "priority", "owner", "inline")
    list_filter = ("trigger_type", "enabled", "inline")
    search_fields = ("key", "=event_pattern", "=workflow_id")
    list_select_related = ("owner",)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    permission = "view:schedule"
    list_display = ("key", "workflow_id", "enabled", "next_slot", "due_at", "owner", "inline")
    list_filter = ("enabled", "inline")
    search_fields = ("key", "=workflow_id")
    list_select_related = ("owner",)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    permission = "view:instance"
    list_display = ("event_pattern", "instance_id", "wait_step_id", "status", "timeout_at", "created_at")
    list_filter = ("status",)
    search_fields = ("=event_pattern", "=fulfilled_by_event_id")
    ordering = ("-created_at", "-id")
