"""Reading versions of a workflow: what runs on each, how new starts are split, whether runs can go on with another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from apps.auth.access import require
from apps.auth.models import User
from apps.events.sql import fetch
from apps.validation.definitions.services import find, find_published
from apps.validation.problems import Conflict, Unprocessable
from apps.validation.schemas import check_instance, is_valid
from apps.validation.violations import Violation, pointer_to
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import WorkflowDefinition
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.rules.verdict import Finding, Judge, Problem, Standing

EXAMINED = 10_000
"""Inputs of runs that a verdict looks at when the schema of the input has changed."""


def versions(workflow_id: str) -> list[dict[str, Any]]:
    """Every version, the newest first, with its share of new starts (None: they are not split) and its runs under way."""
    rows = WorkflowDefinition.objects.filter(key=workflow_id).newest_first().select_related("published_by")
    running = WORKFLOW.running(workflow_id)
    return [
        {
            "version": row.version,
            "status": row.status,
            "updatedAt": row.updated_at,
            "publishedAt": row.published_at,
            "publishedBy": row.published_by.username if row.published_by else None,
            "violations": len(row.violations),
            "share": row.share if row.status == WorkflowDefinition.Status.PUBLISHED else None,
            "running": running.get(row.version, 0),
        }
        for row in rows
    ]


def traffic(actor: User, workflow_id: str) -> dict[str, Any]:
    """{split, versions: {version: percent}}: where new starts go. Without a split all go to the newest published."""
    require(actor, "view:workflow")
    find(WORKFLOW, key=workflow_id)
    rows = WorkflowDefinition.objects.filter(key=workflow_id).published().newest_first()
    shares = dict(rows.values_list("version", "share"))
    split = any(share is not None for share in shares.values())
    if not split:
        return {"split": False, "versions": dict.fromkeys(list(shares)[:1], 100)}
    return {"split": True, "versions": {version: share for version, share in shares.items() if share}}


def verdict(
    actor: User, workflow_id: str, *, source: str, target: str | None = None, mapping: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Whether the runs under way on ``source`` can go on with ``target`` (default: the newest published).

    ``target`` may be a draft, to know before it is published.
    {from, to, verdict, positions: [{stepId, instances, verdict, message, suggested, candidates}], instances, mapping,
    notExamined}. ``notExamined``: runs beyond the number whose inputs are looked at. NotFound, Conflict (a version with errors), Unprocessable for a mapping that is wrong in itself.
    """
    require(actor, "view:workflow")
    before = find(WORKFLOW, key=workflow_id, version=source)
    after = find(WORKFLOW, key=workflow_id, version=target) if target else find_published(WORKFLOW, key=workflow_id)
    for row in (before, after):
        if any(each["severity"] == "error" for each in row.violations):
            raise Conflict(f"{row.key} {row.version} has errors; no run can be on it.")
    if before.id == after.id:
        violation = Violation("same-version", f"The runs are on {after.version} already.", "/to")
        raise Unprocessable("Two versions are compared.", violations=[violation])
    judge = judge_of(before, after, mapping or {})
    found = standings(before, after)
    report = judge.report(found)
    return {
        "from": before.version,
        "to": after.version,
        "verdict": report.verdict.value,
        "positions": [_position(finding, count) for finding, count in report.positions],
        "instances": {verdict.value: count for verdict, count in report.instances.items()},
        "mapping": report.mapping,
        "notExamined": max(0, WORKFLOW.running(workflow_id).get(source, 0) - sum(each.instances for each in found)),
    }


def judge_of(before: WorkflowDefinition, after: WorkflowDefinition, mapping: Mapping[str, str]) -> Judge:
    """The rules for these two versions. Unprocessable when the mapping names steps there are not, or one twice."""
    asked = (before.id, after.id, tuple(sorted(mapping.items())))
    settled = WorkflowDefinition.Status.DRAFT not in (before.status, after.status)
    judge = _judge(*asked) if settled else _judge.__wrapped__(*asked)
    if problems := judge.problems():
        message = f"The mapping does not lead from {before.version} to {after.version}."
        raise Unprocessable(message, violations=[_violation(each) for each in problems])
    return judge


@lru_cache(maxsize=32)
def _judge(before: UUID, after: UUID, mapping: tuple[tuple[str, str], ...]) -> Judge:
    """Kept, for a bulk of runs asks the same for each of them; a published version never changes."""
    return Judge(plan_for(before), plan_for(after), dict(mapping))


def misfits(before: WorkflowDefinition, after: WorkflowDefinition, value: Any) -> tuple[tuple[str, str], ...]:
    """Fields of a run's input that another version's schema does not take, with what is wrong; "" is the whole input.

    Fields that schema merely does not know are no trouble: nothing reads them.
    """
    schema = after.document.get("inputSchema")
    if schema is None or schema == before.document.get("inputSchema") or is_valid(schema, value):
        return ()
    found: dict[str, str] = {}
    for violation in check_instance(schema, value, ""):
        if violation.code != "unknown-field":
            for name in _fields(violation, schema, value):
                found.setdefault(name, violation.message)
    return tuple(sorted(found.items()))


def _fields(violation: Violation, schema: Any, value: Any) -> list[str]:
    if violation.pointer:
        return [violation.pointer.split("/")[1].replace("~1", "/").replace("~0", "~")]
    if violation.code == "required" and isinstance(value, dict):
        return [name for name in schema.get("required", ()) if name not in value and f"`{name}`" in violation.message]
    return [""]


_STANDINGS = """
SELECT coalesce(steps, '{}'), undoing, count(*), NULL FROM (
  SELECT i.id, i.status = 'COMPENSATING' AS undoing,
         array_agg(DISTINCT e.step_id ORDER BY e.step_id) FILTER (WHERE e.step_id IS NOT NULL) AS steps
  FROM workflows_workflowinstance i
  LEFT JOIN workflows_stepexecution e ON e.instance_id = i.id AND e.status IN ('PENDING', 'RUNNING', 'WAITING')
  WHERE i.workflow_id = %s AND i.definition_version = %s AND i.completed_at IS NULL
  GROUP BY i.id
) AS run GROUP BY steps, undoing
"""

_WITH_INPUT = """
SELECT coalesce(array_agg(DISTINCT e.step_id ORDER BY e.step_id) FILTER (WHERE e.step_id IS NOT NULL), '{}'),
       i.status = 'COMPENSATING', 1, i.input::text
FROM (
  SELECT id, status, input FROM workflows_workflowinstance
  WHERE workflow_id = %s AND definition_version = %s AND completed_at IS NULL LIMIT %s
) AS i
LEFT JOIN workflows_stepexecution e ON e.instance_id = i.id AND e.status IN ('PENDING', 'RUNNING', 'WAITING')
GROUP BY i.id, i.status, i.input
"""


def standings(before: WorkflowDefinition, after: WorkflowDefinition) -> list[Standing]:
    """Where the runs under way on a version stand: one query over them, whatever has finished.

    Their inputs are read only when the schema of the input differs.
    """
    if before.document.get("inputSchema") == after.document.get("inputSchema") or "inputSchema" not in after.document:
        rows = fetch(_STANDINGS, before.key, before.version)
    else:
        rows = fetch(_WITH_INPUT, before.key, before.version, EXAMINED)
    alike: Counter[Standing] = Counter()
    for steps, undoing, count, text in rows:
        wrong = () if text is None else misfits(before, after, orjson.loads(text))
        alike[Standing(tuple(steps), 0, undoing, wrong)] += count
    return [Standing(each.steps, count, each.undoing, each.misfits) for each, count in alike.items()]


def _position(finding: Finding, count: int) -> dict[str, Any]:
    return {
        "stepId": finding.step_id,
        "instances": count,
        "verdict": finding.verdict.value,
        "message": finding.message,
        "suggested": finding.suggested,
        "candidates": list(finding.candidates),
    }


def _violation(problem: Problem) -> Violation:
    return Violation(problem.code, problem.message, pointer_to("mapping", problem.step_id))
