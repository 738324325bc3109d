"""What else happens when a webhook is saved: the workflow it names is to be started by its events.

Workflows are an upper app; it registers what it does when Django starts, and does it in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from apps.validation.violations import Violation

if TYPE_CHECKING:
    from apps.auth.models import User
    from apps.integrations.models import Webhook


class Follower(Protocol):
    """What an upper app does about webhooks that name something of its own."""

    def check(self, document: dict[str, Any], actor: User) -> list[Violation]:
        """What is wrong with what the document names. AccessDenied."""

    def saved(self, row: Webhook, actor: User) -> None:
        """The webhook was created or changed."""

    def removed(self, row: Webhook) -> None:
        """It is about to go."""


_followers: list[Follower] = []


def register(follower: Follower) -> None:
    """Called from AppConfig.ready()."""
    _followers.append(follower)


def check(document: dict[str, Any], actor: User) -> list[Violation]:
    return [violation for each in _followers for violation in each.check(document, actor)]


def saved(row: Webhook, actor: User) -> None:
    for each in _followers:
        each.saved(row, actor)


def removed(row: Webhook) -> None:
    for each in _followers:
        each.removed(row)
