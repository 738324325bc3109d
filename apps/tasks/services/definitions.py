"""Task definitions: drafts, publishing, archiving. The verbs themselves are those of every kind."""

from __future__ import annotations

from typing import Any

from apps.auth.models import User
from apps.tasks.checks import check_people, check_task
from apps.tasks.emitting import check_events, references
from apps.tasks.models import TaskDefinition
from apps.validation.definitions import services as definitions
from apps.validation.violations import Violation, in_order


def _checks(document: dict[str, Any]) -> list[Violation]:
    return in_order([*check_task(document), *check_people(document), *check_events(document)])


def _checks_if(document: dict[str, Any], instead: definitions.Instead) -> list[Violation]:
    return in_order([*check_task(document), *check_events(document, instead)])


TASKS = definitions.DefinitionKind(
    "task", "taskId", TaskDefinition, _checks, order=20, references=references, checks_if=_checks_if
)


def save_definition(
    *, actor: User, document: dict[str, Any], if_match: int | None = None
) -> tuple[TaskDefinition, bool]:
    """Create or replace a draft; see `apps.validation.definitions.services.save_draft`."""
    return definitions.save_draft(TASKS, actor=actor, document=document, if_match=if_match)


def publish_definition(*, actor: User, key: str, version: str | None = None) -> TaskDefinition:
    """Make a draft immutable and usable."""
    return definitions.publish(TASKS, actor=actor, key=key, version=version)


def archive_definition(*, actor: User, key: str) -> int:
    """Take every version out of use; what runs on it goes on."""
    return definitions.archive(TASKS, actor=actor, key=key)
