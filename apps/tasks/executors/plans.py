"""A task definition compiled once: its executor's plan, its schemas and limits.

Published versions never change, so plans of stored definitions are kept for the life of the process (the most recently
used 2,000 of them).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.tasks.models import TaskDefinition

from .base import Executor, NowExecutor
from .emissions import ON_COMPLETE, ON_FAILURE, Emissions, compile_emissions
from .human import compile_human
from .registry import HUMAN, executor_for

KEPT = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class TaskDefinitionPlan:
    """`timeout` in seconds; `inline`: runs inside the advance; `compiled`: the executor's own plan, for HUMAN the
    template of its manual parameters."""

    definition_id: UUID | None
    key: str
    version: str
    document: dict[str, Any] = field(repr=False)
    type: str
    kind: str
    executor: Executor | None
    compiled: Any = field(repr=False)
    input_schema: Any = field(repr=False)
    output_schema: Any = field(repr=False)
    timeout: float | None
    retry_policy: dict[str, Any] | None
    inline: bool
    on_complete: Emissions = field(default=(), repr=False)
    on_failure: Emissions = field(default=(), repr=False)


def compile_plan(document: dict[str, Any], definition_id: UUID | None = None) -> TaskDefinitionPlan:
    """Compile `document`. Raises ExpressionError for an expression that does not compile (checked when saved)."""
    implementation = document.get("implementation") or {}
    kind = implementation.get("kind", HUMAN)
    executor = executor_for(kind)
    execution = document.get("executionConfig") or {}
    return TaskDefinitionPlan(
        definition_id=definition_id,
        key=document["taskId"],
        version=document.get("version", "1.0.0"),
        document=document,
        type=document.get("type") or ("MANUAL" if kind == HUMAN else "AUTOMATED"),
        kind=kind,
        executor=executor,
        compiled=_compiled(document, kind, executor),
        input_schema=document.get("inputSchema"),
        output_schema=document.get("outputSchema"),
        timeout=_timeout(document, execution),
        retry_policy=document.get("retryPolicy"),
        inline=isinstance(executor, NowExecutor) and execution.get("executor") != "worker",
        on_complete=compile_emissions(document, ON_COMPLETE),
        on_failure=compile_emissions(document, ON_FAILURE),
    )


def _compiled(document: dict[str, Any], kind: str, executor: Executor | None) -> Any:
    if kind == HUMAN:
        return compile_human(document)
    return executor.plan(document) if executor else None


def _timeout(document: dict[str, Any], execution: dict[str, Any]) -> float | None:
    """`timeout` is in milliseconds, `resourceRequirements.timeoutSeconds` in seconds; the shorter one holds."""
    limits = []
    if document.get("timeout") is not None:
        limits.append(document["timeout"] / 1000)
    seconds = (execution.get("resourceRequirements") or {}).get("timeoutSeconds")
    if seconds is not None:
        limits.append(float(seconds))
    return min(limits, default=None)


_kept: OrderedDict[tuple[UUID, str], TaskDefinitionPlan] = OrderedDict()
_by_id: dict[UUID, tuple[UUID, str]] = {}


def plan_of(definition: TaskDefinition) -> TaskDefinitionPlan:
    """The plan of a stored definition; a draft's is compiled anew when its content changed."""
    name = (definition.id, definition.checksum)
    plan = _kept.get(name)
    if plan is None:
        plan = compile_plan(definition.document, definition.id)
        _keep(name, plan, immutable=definition.status != TaskDefinition.Status.DRAFT)
    return plan


def plans_by_id(definition_ids: Iterable[UUID]) -> dict[UUID, TaskDefinitionPlan]:
    """Plans of many stored definitions, with one query for those not compiled yet; an unknown id is left out."""
    found: dict[UUID, TaskDefinitionPlan] = {}
    missing: set[UUID] = set()
    for definition_id in definition_ids:
        name = _by_id.get(definition_id)
        plan = _kept.get(name) if name else None
        if plan is None:
            missing.add(definition_id)
        else:
            found[definition_id] = plan
    if missing:
        for definition in TaskDefinition.objects.filter(id__in=missing):
            found[definition.id] = plan_of(definition)
    return found


def _keep(name: tuple[UUID, str], plan: TaskDefinitionPlan, *, immutable: bool) -> None:
    _kept[name] = plan
    if immutable:
        _by_id[name[0]] = name
    while len(_kept) > KEPT:
        oldest, _ = _kept.popitem(last=False)
        if _by_id.get(oldest[0]) == oldest:
            del _by_id[oldest[0]]
