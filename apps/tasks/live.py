"""Tells open browsers that tasks changed. A hint carries nothing: who gets one asks the API.

Who may see all tasks listens to one channel; everybody else to their own, their name's (as a candidate) and those of
their teams and roles. Redis being away loses nothing but the hint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

import redis
import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from apps.auth.access import permitted_scopes
from apps.auth.models import User

from .models import Task

log = structlog.get_logger(__name__)

EVERYTHING = "tasks.all"


def changed(*tasks: Task, before: frozenset[str] = frozenset()) -> None:
    """Once the transaction commits, hint at everyone concerned by `tasks` as they are now, and at `before`."""
    hint(before.union(*(channels_of(task) for task in tasks)))


def hint(channels: Iterable[str]) -> None:
    """Once the transaction commits, send one hint to each of `channels`."""
    names = frozenset(channels)
    transaction.on_commit(lambda: _send(names))


def channels_of(task: Task) -> frozenset[str]:
    """The channels of everybody who sees `task` differently when it changes."""
    return channels_for(
        people=[person for person in (task.assignee_id, task.requested_by_id, task.completed_by_id) if person],
        names=task.candidate_users,
        teams=task.candidate_groups,
    )


def channels_for(*, people: Iterable[UUID], names: Iterable[str], teams: Iterable[str]) -> frozenset[str]:
    """The same from the bare columns: user ids, usernames, and names of teams or roles."""
    return frozenset(
        {
            EVERYTHING,
            *(f"tasks.user.{person}" for person in people),
            *(f"tasks.name.{_short(name)}" for name in names),
            *(f"tasks.team.{_short(team)}" for team in teams),
        }
    )


def channels_heard_by(user: User) -> frozenset[str]:
    """What `user`'s sockets listen to. Empty when they may see no task at all."""
    scopes = permitted_scopes(user, "view:task")
    if "all" in scopes:
        return frozenset({EVERYTHING})
    if not scopes:
        return frozenset()
    return frozenset(
        {
            f"tasks.user.{user.pk}",
            f"tasks.name.{_short(user.username)}",
            *(f"tasks.team.{_short(team)}" for team in user.group_names | user.role_names),
        }
    )


def _short(name: str) -> str:
    """Names of people and teams may hold what a channel's name may not."""
    return hashlib.blake2b(name.encode(), digest_size=12).hexdigest()


def _send(channels: frozenset[str]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(_send_all)(layer, channels)
    except (redis.RedisError, OSError) as error:
        log.warning("tasks.hint_not_sent", error=str(error))


async def _send_all(layer: object, channels: frozenset[str]) -> None:
    for channel in channels:
        await layer.group_send(channel, {"type": "tasks.changed"})  # type: ignore[attr-defined]
