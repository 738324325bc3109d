"""Moving the runs of one version to another, as a bulk operation: each run by itself, by the rules of a single one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.auth.access import AccessDenied, permitted_scopes
from apps.auth.models import User
from apps.validation.definitions.services import find, find_published
from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import BulkOperation
from apps.workflows.selectors.versions import judge_of

from . import bulk


def migrate_runs(
    *,
    actor: User,
    workflow_id: str,
    source: str,
    target: str,
    mapping: Mapping[str, str],
    narrower: Mapping[str, Any] | None = None,
    reason: str = "",
) -> BulkOperation:
    """Begin to migrate the runs under way on ``source`` that the actor may steer; ``narrower`` filters them further.

    A run that cannot go on stays where it is and becomes one of the operation's problems. AccessDenied, NotFound, Conflict
    (``target`` is not published), or Unprocessable (a mapping that is wrong in itself, a filter that does not fit).
    """
    if not permitted_scopes(actor, "steer:instance"):
        raise AccessDenied("steer:instance")
    before = find(WORKFLOW, key=workflow_id, version=source)
    after = find_published(WORKFLOW, key=workflow_id, version=target)
    if before.id == after.id:
        violation = Violation("same-version", f"The runs are on {target} already.", "/to")
        raise Unprocessable("Runs move from one version to another.", violations=[violation])
    judge_of(before, after, mapping)
    return bulk.begin(
        actor=actor,
        operation="migrate",
        arguments={"version": target, "mapping": dict(mapping)},
        filter={**(narrower or {}), "workflowId": workflow_id, "version": source},
        reason=reason,
    )
