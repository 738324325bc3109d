"""How a finished task reaches whoever asked for it, in the transaction that records the result.

The workflows app registers its orchestrator here at start-up; tasks never imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of a task: ``status`` is COMPLETED, FAILED, TIMED_OUT or CANCELLED. ``by_id``: the person who did that."""

    task_id: UUID
    workflow_instance_id: UUID | None
    status: str
    output: Any = None
    outcome: str | None = None
    error: dict[str, Any] | None = None
    by_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker that would go on at once with up to ``room`` tasks that come out of an advance, in these queues."""

    worker: str
    room: int
    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A task that this worker holds the lease of."""

    task_id: UUID
    definition_id: UUID
    workflow_instance_id: UUID | None
    step_id: str
    input: Any
    attempt: int
    timeout: float | None = None


class Orchestrator(Protocol):
    """What the workflows app registers."""

    def advance(
        self, outcomes: Sequence[TaskOutcome], *, pump: int = 0, lease: Lease | None = None
    ) -> tuple[list[ClaimedTask], bool]:
        """Advance the instances that the outcomes belong to, and up to ``pump`` more that have signals waiting.

        Returns the tasks opened under ``lease`` and whether signals were left waiting.
        """


_orchestrator: Orchestrator | None = None


def register(orchestrator: Orchestrator) -> None:
    """Called once, from the orchestrating app's AppConfig.ready()."""
    global _orchestrator
    _orchestrator = orchestrator


def deliver(
    outcomes: Sequence[TaskOutcome], *, pump: int = 0, lease: Lease | None = None
) -> tuple[list[ClaimedTask], bool]:
    """Hand outcomes on inside the caller's transaction; see :meth:`Orchestrator.advance`."""
    mine = [outcome for outcome in outcomes if outcome.workflow_instance_id is not None]
    if _orchestrator is None or not (mine or pump):
        return [], False
    return _orchestrator.advance(mine, pump=pump, lease=lease)
