"""A share of new starts on each of several versions. Runs under way stay where they are.

Every published version of a split workflow has a share (0 included), and none while the newest takes all: so the row
that a start reads anyway says whether there is a split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

from django.db import transaction

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.definitions.services import find_published
from apps.validation.problems import NotFound, Unprocessable
from apps.validation.violations import Violation, pointer_to
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import WorkflowDefinition
from apps.workflows.rules import traffic


@transaction.atomic
def split(*, actor: User, workflow_id: str, shares: Mapping[str, int], reason: str = "") -> None:
    """Give each named version its percentage of new starts; versions that are not named get none.

    NotFound, or Unprocessable (a version that is not published, shares that do not add to 100).
    """
    rows = _locked(actor, workflow_id)
    problems = traffic.problems(shares, [row.version for row in rows])
    if problems:
        violations = [
            Violation(code, message, pointer_to("versions", *([version] if version else [])), hint=hint)
            for code, version, message, hint in problems
        ]
        raise Unprocessable("New starts cannot be split like that.", violations=violations)
    _set(actor, workflow_id, rows, shares, reason)


@transaction.atomic
def join(*, actor: User, workflow_id: str, reason: str = "") -> None:
    """Let the newest published version take all new starts again."""
    _set(actor, workflow_id, _locked(actor, workflow_id), {}, reason)


class Asked(Protocol):
    """What is known of a start. ``version`` None: whichever it falls to."""

    @property
    def workflow_id(self) -> str: ...

    @property
    def version(self) -> str | None: ...

    @property
    def correlation_id(self) -> str | None: ...


class Starts:
    """Finds versions for many starts, asking once for each workflow."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str | None], list[WorkflowDefinition]] = {}

    def prepare(self, requests: Iterable[Asked]) -> None:
        """Ask for the versions of several workflows at once; one that is not published is left to ``definition_for``."""
        keys = {request.workflow_id for request in requests if request.version is None}
        if len(keys) < 2:
            return
        newest = WorkflowDefinition.objects.filter(key__in=keys).published().order_by("key", "-version_key")
        for row in newest.distinct("key"):
            if row.share in (None, 100):
                self._found[row.key, None] = [row]

    def definition_for(self, request: Asked, instance_id: UUID) -> WorkflowDefinition:
        """The version that a new run begins on: the one asked for, or the one that the split gives it.

        The same correlation id goes to the same version, as long as the split stays as it is. NotFound, Conflict.
        """
        name = (request.workflow_id, request.version)
        if name not in self._found:
            self._found[name] = self._look_up(*name)
        rows = self._found[name]
        if len(rows) == 1:
            return rows[0]
        seed = f"{request.workflow_id}\0{request.correlation_id or instance_id}"
        chosen = traffic.choose([(row.version, row.share or 0) for row in rows], seed)
        return next(row for row in rows if row.version == chosen)

    def _look_up(self, workflow_id: str, version: str | None) -> list[WorkflowDefinition]:
        newest = find_published(WORKFLOW, key=workflow_id, version=version)
        if version is not None or newest.share is None or newest.share == 100:
            return [newest]
        shared = WorkflowDefinition.objects.filter(key=workflow_id, share__gt=0).published().newest_first()
        return list(shared) or [newest]


def _locked(actor: User, workflow_id: str) -> list[WorkflowDefinition]:
    require(actor, "publish:workflow")
    # Drafts too: one of them may be about to be published.
    rows = WorkflowDefinition.objects.select_for_update().filter(key=workflow_id).live().newest_first()
    found = list(rows.only("id", "version", "share", "status"))
    if not found:
        raise NotFound(f"There is no workflow {workflow_id}.")
    return [row for row in found if row.status == WorkflowDefinition.Status.PUBLISHED]


def _set(actor: User, workflow_id: str, rows: list[WorkflowDefinition], shares: Mapping[str, int], reason: str) -> None:
    before = {row.version: row.share for row in rows if row.share}
    for row in rows:
        row.share = shares.get(row.version, 0) if shares else None
    WorkflowDefinition.objects.bulk_update(rows, ["share"])
    record_audit(
        actor=actor,
        action="workflow.split_starts",
        resource="workflow",
        resource_id=workflow_id,
        details={"before": before, "after": dict(shares), "reason": reason},
    )
