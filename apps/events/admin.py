"""Events in Django's admin site, to look at, with the verbs that operators need there. Changes go through the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.auth import access
from apps.auth.admin import ReadOnlyAdmin
from apps.events.models import (
    Checkpoint,
    DeadLetter,
    Event,
    EventDefinition,
    EventQueue,
    SequenceDefinition,
    SequenceRun,
)
from apps.events.services import dead_letters, queues
from apps.validation.problems import Problem


class DefinitionAdmin(ReadOnlyAdmin):
    permission = "view:event"
    list_display = ("key", "version", "name", "status", "published_at", "updated_at")
    list_filter = ("status",)
    search_fields = ("key", "name")


admin.site.register(EventDefinition, DefinitionAdmin)
admin.site.register(SequenceDefinition, DefinitionAdmin)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    permission = "view:event"
    list_display = ("event_id", "pattern", "correlation_id", "timestamp", "recorded_at")
    search_fields = ("=event_id", "=pattern", "=correlation_id")
    ordering = ("-recorded_at", "-id")


@admin.register(EventQueue)
class EventQueueAdmin(ReadOnlyAdmin):
    permission = "view:operations"
    list_display = ("id", "status", "patterns", "reason", "changed_by", "changed_at")
    list_filter = ("status",)
    actions = ("pause", "resume", "drain")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return access.allowed(request.user, "operate:queue")

    @admin.action(description="Pause: route nothing more", permissions=["operate"])
    def pause(self, request: HttpRequest, rows: QuerySet[EventQueue]) -> None:
        _each(self, request, rows, lambda row: queues.pause(actor=_actor(request), key=row.id, reason=ADMIN))

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, rows: QuerySet[EventQueue]) -> None:
        _each(self, request, rows, lambda row: queues.resume(actor=_actor(request), key=row.id, reason=ADMIN))

    @admin.action(description="Drain: accept nothing more from outside", permissions=["operate"])
    def drain(self, request: HttpRequest, rows: QuerySet[EventQueue]) -> None:
        _each(self, request, rows, lambda row: queues.drain(actor=_actor(request), key=row.id, reason=ADMIN))


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    permission = "view:operations"
    list_display = ("queue", "event_count", "errors", "created_at")
    list_filter = ("queue",)
    ordering = ("-created_at",)


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    permission = "view:event"
    list_display = ("event_id", "pattern", "subscriber_id", "error_type", "error_code", "status", "created_at")
    list_filter = ("status", "kind", "error_type")
    search_fields = ("=event_id", "=pattern", "=subscriber_id", "=error_code")
    ordering = ("-created_at", "-id")
    actions = ("replay", "discard")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return access.allowed(request.user, "replay:event")

    @admin.action(description="Replay: have the event handled again", permissions=["replay"])
    def replay(self, request: HttpRequest, rows: QuerySet[DeadLetter]) -> None:
        _each(
            self, request, rows, lambda row: dead_letters.replay(actor=_actor(request), letter_id=row.id, notes=ADMIN)
        )

    @admin.action(description="Discard: give the event up for this subscriber", permissions=["replay"])
    def discard(self, request: HttpRequest, rows: QuerySet[DeadLetter]) -> None:
        _each(
            self, request, rows, lambda row: dead_letters.discard(actor=_actor(request), letter_id=row.id, notes=ADMIN)
        )


@admin.register(SequenceRun)
class SequenceRunAdmin(ReadOnlyAdmin):
    permission = "view:event"
    list_display = ("sequence_id", "version", "key", "status", "reason", "deadline", "created_at")
    list_filter = ("status",)
    search_fields = ("=sequence_id", "=key")
    ordering = ("-created_at",)


ADMIN = "From the admin site."


def _actor(request: HttpRequest) -> Any:
    return request.user


def _each(of: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any], verb: Callable[[Any], object]) -> None:
    """Do it to each, and say what could not be done."""
    done = 0
    for row in rows:
        try:
            verb(row)
            done += 1
        except Problem as problem:
            of.message_user(request, f"{row}: {problem.detail}", messages.WARNING)
    of.message_user(request, f"Done for {done}.", messages.SUCCESS)
