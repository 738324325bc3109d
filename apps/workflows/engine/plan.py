"""A definition, compiled: every expression ready to run, every target resolved, what each step will read known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from .retry import RetryPolicy


class Expression(Protocol):
    """A compiled expression or template, as the expression language hands it to the engine."""

    @property
    def reads(self) -> frozenset[tuple[str, ...]]: ...

    @property
    def optional_reads(self) -> frozenset[tuple[str, ...]]:
        """Those of ``reads`` that may find nothing without it being an error."""

    def evaluate(self, context: Mapping[str, Any]) -> Any: ...


class Language(Protocol):
    """The expression language the engine is handed."""

    def expression(self, text: str) -> Expression: ...

    def template(self, value: Any) -> Expression: ...

    def event_expression(self, text: str) -> Expression:
        """An expression that also sees ``event``."""

    def event_template(self, value: Any) -> Expression:
        """A template that also sees ``event``."""

    def event_equalities(self, text: str) -> tuple[tuple[str, Expression], ...]:
        """The parts ``event.<path> == <something of the run>`` that a condition needs: path → the other side."""

    def duration(self, text: str) -> timedelta: ...

    def instant(self, text: str) -> datetime: ...

    def inside_items(self) -> Language:
        """The language inside a FOR_EACH: what it compiles also sees ``item`` and ``index``."""

    def working_time(self, calendar: str, begin: datetime, duration: str) -> datetime:
        """When so much working time of a calendar has gone by."""

    def working_moment(self, calendar: str, moment: datetime) -> datetime:
        """The moment itself where a calendar works, else when it does next."""

    @property
    def error(self) -> type[Exception]:
        """What evaluating raises; it has ``code`` and ``message``."""


@dataclass(frozen=True, slots=True)
class TaskBinding:
    """What the engine must know of the task definition that a step runs.

    ``evaluate``: the task's own computation, input → (output, outcome), for tasks that run inside the advance; it
    raises TaskFailed. ``manual``: the parameters of a task that a person does. ``on_complete``, ``on_failure``: pattern and
    payload of the events that it records then.
    """

    definition_id: UUID
    task_id: str
    type: str = "AUTOMATED"
    manual: Mapping[str, Any] | None = None
    evaluate: Callable[[Any], tuple[Any, str | None]] | None = None
    retry: RetryPolicy | None = None
    version: str = ""
    on_complete: tuple[tuple[str, Expression | None], ...] = ()
    on_failure: tuple[tuple[str, Expression | None], ...] = ()


@dataclass(frozen=True, slots=True)
class ChildBinding:
    """What the engine must know of the workflow that a SUB_WORKFLOW step starts.

    ``problems``: input → what is wrong with it by the workflow's inputSchema, as JSON violations; empty when it fits.
    """

    definition_id: UUID
    workflow_id: str
    version: str
    problems: Callable[[Any], list[dict[str, Any]]] = lambda value: []
    concurrency: Concurrency | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many runs with the same ``key`` may be under way at once. ``on_conflict``: QUEUE, REJECT or CANCEL_RUNNING."""

    key: Expression | None
    limit: int
    on_conflict: str


@dataclass(frozen=True, slots=True)
class CancelTrigger:
    """An event that cancels the run. ``correlation``: the equalities it can be found by, as in an EVENT_WAIT."""

    pattern: str
    condition: Expression | None
    condition_text: str | None
    correlation: tuple[tuple[str, Expression], ...]
    reason: Expression | None
    compensate: bool

    def expressions(self) -> list[Expression]:
        return [each for each in (self.condition, self.reason) if each is not None]


class TaskFailed(Exception):
    """Raised by TaskBinding.evaluate."""

    def __init__(self, error_type: str, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        self.type, self.code, self.message, self.details = error_type, code, message, details or {}
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class FailureRule:
    """``onFailure``: first the handlers by type and code, then the action."""

    action: str
    next_step_id: str | None
    handlers: tuple[tuple[str | None, str | None, str], ...]

    def targets(self) -> set[str]:
        return {step_id for _, _, step_id in self.handlers} | ({self.next_step_id} if self.next_step_id else set())

    def target(self, error_type: str, error_code: str) -> str | None:
        for wanted_type, wanted_code, step_id in self.handlers:
            if wanted_type in (None, error_type) and wanted_code in (None, error_code):
                return step_id
        return None


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    start_at: str
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Fields that only one type has are None or empty on the others."""

    step_id: str
    type: str
    name: str
    parent: str | None
    scopes: tuple[str, ...]
    inline: bool
    input: Expression | None = None
    has_input: bool = False
    condition: Expression | None = None
    set_variables: tuple[tuple[str, Expression], ...] = ()
    next: tuple[tuple[Expression | None, str], ...] = ()
    transitions: Mapping[str, str] = field(default_factory=dict)
    retry: RetryPolicy | None = None
    timeout: float | None = None
    on_failure: FailureRule | None = None
    task: TaskBinding | None = None
    manual: Expression | None = None
    choices: tuple[tuple[Expression, str], ...] = ()
    branches: tuple[Branch, ...] = ()
    join: str = ""
    count: int = 0
    output: Expression | None = None
    duration: timedelta | Expression | None = None
    until: datetime | Expression | None = None
    calendar: str | None = None
    pattern: str = ""
    payload: Expression | None = None
    event_condition: Expression | None = None
    condition_text: str | None = None
    correlation: tuple[tuple[str, Expression], ...] = ()
    lookback: timedelta | None = None
    timeout_handler: str | None = None
    child: ChildBinding | None = None
    wait: bool = True
    status: str = ""
    items: Expression | None = None
    body: str = ""
    """The step that each item of a FOR_EACH begins with."""
    concurrency: int = 0
    on_item_failure: str = ""

    def expressions(self) -> list[Expression]:
        """Every expression that entering or leaving the step may evaluate."""
        found = [self.input, self.condition, self.manual, self.output, self.payload, self.event_condition]
        found += [self.duration if not isinstance(self.duration, timedelta) else None]
        found += [self.until if not isinstance(self.until, datetime) else None]
        found += [expression for _, expression in self.set_variables]
        found += [expression for expression, _ in self.next]
        found += [expression for expression, _ in self.choices]
        found += [branch.condition for branch in self.branches]
        found.append(self.items)
        return [expression for expression in found if expression is not None]

    def targets(self) -> set[str]:
        """Every step that may come after this one on its path (branches and items included)."""
        found = {step_id for _, step_id in self.next} | set(self.transitions.values())
        found |= {step_id for _, step_id in self.choices} | {branch.start_at for branch in self.branches}
        if self.body:
            found.add(self.body)
        if self.timeout_handler is not None:
            found.add(self.timeout_handler)
        if self.on_failure is not None:
            found |= self.on_failure.targets()
        return found


@dataclass(frozen=True, slots=True)
class Sources:
    """What ``error`` may be at some place: the failure of one of ``steps``, or with ``of_run`` that of the run itself."""

    steps: frozenset[str]
    of_run: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled workflow definition. ``reads_from[step]``: whose results an advance that begins at the step may read."""

    definition_id: UUID
    workflow_id: str
    version: str
    start_at: str
    steps: Mapping[str, Step]
    variables: Mapping[str, Expression]
    output: Expression | None
    on_failure: FailureRule | None
    on_complete: tuple[tuple[str, Expression | None], ...]
    timeout: float | None
    compensations: Mapping[str, str]
    """Completed step → the step (also in ``steps``, reached in no other way) that undoes its work."""
    cyclic: frozenset[str]
    handling: frozenset[str]
    """Steps that only ``on_failure`` leads to: what fails there is not handled a second time."""
    reads_from: Mapping[str, frozenset[str]]
    max_transitions: int
    language: Language
    check_event: Callable[[str, Any], tuple[str, list[dict[str, Any]]]]
    """Pattern and payload of what it emits → the version of that event's definition, and what is wrong with the payload."""
    concurrency: Concurrency | None = None
    types: frozenset[str] = frozenset()
    """The types that its steps have."""
    cancels: tuple[CancelTrigger, ...] = ()
    cancel_reads: frozenset[str] = frozenset()
    """Whose results those may read."""
    errors: Mapping[str, Sources] = field(default_factory=dict)
    """For each place that reads ``error``: which failures that may be. A place is mostly a step; see ``failures``."""


def nothing(language: Language) -> Plan:
    """A plan without a step: enough to end a run whose own plan cannot be had."""
    return Plan(
        definition_id=UUID(int=0),
        workflow_id="",
        version="",
        start_at="",
        steps={},
        variables={},
        output=None,
        on_failure=None,
        on_complete=(),
        timeout=None,
        compensations={},
        cyclic=frozenset(),
        handling=frozenset(),
        reads_from={},
        max_transitions=0,
        language=language,
        check_event=lambda pattern, payload: ("1.0.0", []),
    )
