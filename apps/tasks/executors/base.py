"""What the runtime and the executors say to each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol
from uuid import UUID

from apps.validation.expressions import EvaluationError

if TYPE_CHECKING:
    from .plans import TaskDefinitionPlan

FailureType = Literal["TRANSIENT", "PERMANENT", "VALIDATION", "TIMEOUT"]


@dataclass(frozen=True, slots=True)
class TaskCall:
    """One run of one task. `attempt` counts from 1; `now` is what `now()` yields in the definition's expressions."""

    task_id: UUID
    attempt: int
    definition: TaskDefinitionPlan
    input: Any
    workflow_instance_id: UUID | None = None
    now: datetime | None = None

    def context(self, **more: Any) -> dict[str, Any]:
        """The names in scope of the definition's expressions: `input` and what the executor adds."""
        return {"input": self.input, "now": self.now or datetime.now(UTC), **more}


@dataclass(frozen=True, slots=True)
class Completed:
    """Done. `output` is plain JSON data; `outcome` is what a step's `transitions` look at."""

    output: Any
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Not done. `code` is UPPER_SNAKE and is what `retryableErrors`, `transitions` and `errorHandler` match."""

    type: FailureType
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    retryable: bool = False

    def as_json(self) -> dict[str, Any]:
        """The fields of `error` in expressions and answers."""
        return {"type": self.type, "code": self.code, "message": self.message, "details": self.details}


Result = Completed | Failed


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a definition that holds expressions: a bare condition, or JSON with `${}` in its strings."""

    pointer: str
    value: Any
    roots: frozenset[str]
    condition: bool = False


class Executor(Protocol):
    """Does tasks of one kind. Expected failures are returned, never raised; what is raised is a defect."""

    kind: ClassVar[str]

    def sites(self, document: dict[str, Any]) -> Iterator[Site]:
        """Every place with expressions, for the checks when a definition is saved."""

    def plan(self, document: dict[str, Any]) -> Any:
        """What `execute` needs, compiled once per definition version. Raises ExpressionError."""

    async def execute(self, call: TaskCall) -> Result:
        """Do it. May wait; must not block the event loop."""


class NowExecutor(ABC):
    """Base of executors that need no waiting at all, so that their tasks can run inside an advance."""

    kind: ClassVar[str]

    @abstractmethod
    def sites(self, document: dict[str, Any]) -> Iterator[Site]: ...

    @abstractmethod
    def plan(self, document: dict[str, Any]) -> Any: ...

    @abstractmethod
    def execute_now(self, call: TaskCall) -> Result:
        """Do it at once, without I/O."""

    async def execute(self, call: TaskCall) -> Result:
        """The same, for whoever does not look whether it could be had at once."""
        return self.execute_now(call)


def evaluation_failed(error: EvaluationError, pointer: str) -> Failed:
    """An expression of the definition could not be evaluated with this input; trying again gives the same."""
    return Failed(
        "PERMANENT",
        "EXPRESSION_FAILED",
        f"{pointer}: {error.message}",
        {"pointer": pointer, "reason": error.code},
    )


def outcome_of(output: Any) -> str | None:
    """The `outcome` field of an object output, when it is a non-empty text."""
    if isinstance(output, dict):
        outcome = output.get("outcome")
        if isinstance(outcome, str) and 0 < len(outcome) <= 255:
            return outcome
    return None
