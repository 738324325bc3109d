"""One verb on many tasks. Each task is its own transaction: one that refuses does not hold up the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from apps.auth.access import AccessDenied
from apps.auth.models import User
from apps.validation.problems import Problem, Unprocessable
from apps.validation.violations import Violation

from .decisions import cancel, complete, reopen
from .holding import assign, claim, release

MAX_TASKS = 500
Operation = Literal["claim", "release", "assign", "complete", "cancel", "reopen"]
_VERBS: dict[Operation, Callable[..., Any]] = {
    "claim": claim,
    "release": release,
    "assign": assign,
    "complete": complete,
    "cancel": cancel,
    "reopen": reopen,
}


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one task: `status` is the HTTP status that the single verb would have answered."""

    id: UUID
    status: int
    detail: str = ""


def bulk(*, actor: User, ids: Sequence[UUID], operation: Operation, **arguments: Any) -> list[BulkResult]:
    """Do `operation` to each of `ids` once, in order of id so that two of these never wait for each other in a ring."""
    unique = sorted(set(ids))
    if len(unique) > MAX_TASKS:
        raise Unprocessable(
            violations=[Violation("too-many", f"At most {MAX_TASKS} tasks at once, not {len(unique)}.", "/ids")]
        )
    return [_one(_VERBS[operation], actor, task_id, arguments) for task_id in unique]


def _one(verb: Callable[..., Any], actor: User, task_id: UUID, arguments: dict[str, Any]) -> BulkResult:
    try:
        verb(actor=actor, task_id=task_id, **arguments)
    except Problem as problem:
        return BulkResult(task_id, problem.status, problem.detail)
    except AccessDenied as denied:
        return BulkResult(task_id, 403, str(denied))
    return BulkResult(task_id, 200)
