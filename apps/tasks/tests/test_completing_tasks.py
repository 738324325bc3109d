"""Completing, cancelling and reopening; the answer is checked, and told to the workflow in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from apps.auth.access import AccessDenied
from apps.auth.models import AuditEntry
from apps.auth.tests.factories import Cast
from apps.tasks import services
from apps.tasks.models import ReadyTask, Task
from apps.tasks.runtime import outcomes
from apps.tasks.runtime.outcomes import TaskOutcome
from apps.validation.problems import Conflict, StaleVersion, Unprocessable

from .factories import ACTIONS, ManualTaskFactory, TaskDefinitionFactory, human_document

YES = {"approved": True}


class Recorder:
    """Stands where the workflows app registers itself; notes what it is told, or refuses it."""

    def __init__(self) -> None:
        self.told: list[TaskOutcome] = []
        self.error: Exception | None = None

    def advance(self, given: Sequence[TaskOutcome], **_: Any) -> tuple[list[Any], bool]:
        assert transaction.get_connection().in_atomic_block
        if self.error:
            raise self.error
        self.told.extend(given)
        return [], False


@pytest.fixture
def orchestrator(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(outcomes, "_orchestrator", recorder)
    return recorder


def test_the_answer_closes_the_task_and_reaches_the_workflow(cast: Cast, orchestrator: Recorder) -> None:
    instance = uuid4()
    task = ManualTaskFactory(assignee=cast.bob, workflow_instance_id=instance, step_id="approve", draft={"note": "x"})
    done = services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES)
    assert (done.status, done.output, done.outcome, done.draft) == ("COMPLETED", YES, "approve", None)
    assert done.completed_by_id == cast.bob.pk
    told = orchestrator.told[0]
    assert (told.task_id, told.workflow_instance_id, told.status, told.output, told.outcome) == (
        task.pk, instance, "COMPLETED", YES, "approve",
    )  # fmt: skip
    assert AuditEntry.objects.get(action="task.completed").details == {"action": "approve"}


def test_nothing_remains_when_the_workflow_cannot_take_the_answer(cast: Cast, orchestrator: Recorder) -> None:
    orchestrator.error = RuntimeError("no")
    task = ManualTaskFactory(assignee=cast.bob, workflow_instance_id=uuid4())
    with pytest.raises(RuntimeError):
        services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES)
    assert Task.objects.get(pk=task.pk).status == "ASSIGNED"
    assert not AuditEntry.objects.filter(action="task.completed").exists()


def test_a_candidate_may_complete_a_free_task_and_has_then_taken_it(cast: Cast) -> None:
    task = ManualTaskFactory()
    assert services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES).assignee_id == cast.bob.pk


@pytest.mark.parametrize(
    ("action", "output", "pointers"),
    [
        ("approve", {}, ["/output/approved"]),
        ("approve", {"approved": "yes"}, ["/output/approved"]),
        ("approve", {"approved": True, "note": "x" * 201}, ["/output/note"]),
        ("approve", [], ["/output"]),
        ("approve", {"approved": True, "note": "a\x00"}, ["/output"]),
        ("explode", YES, ["/action"]),
        (None, YES, ["/action"]),
        ("explode", {"approved": 1}, ["/action", "/output/approved"]),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_pointers(
    cast: Cast, action: str | None, output: Any, pointers: list[str]
) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    with pytest.raises(Unprocessable) as refused:
        services.complete(actor=cast.bob, task_id=task.pk, action=action, output=output)
    found = [violation.pointer for violation in refused.value.violations]
    assert len(found) == len(pointers)
    assert all(there.startswith(pointer.rpartition("/")[0]) for there, pointer in zip(found, pointers, strict=True))
    assert Task.objects.get(pk=task.pk).status == "ASSIGNED"


def test_the_only_action_need_not_be_named(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob, actions=ACTIONS[:1])
    assert services.complete(actor=cast.bob, task_id=task.pk, output=YES).outcome == "approve"
    task = ManualTaskFactory(assignee=cast.bob, actions=None)
    assert services.complete(actor=cast.bob, task_id=task.pk, output=YES).outcome is None


def test_the_definitions_output_schema_holds_too(cast: Cast) -> None:
    document = human_document() | {"outputSchema": {"type": "object", "required": ["signature"]}}
    definition = TaskDefinitionFactory(document=document)
    task = ManualTaskFactory(assignee=cast.bob, definition=definition)
    with pytest.raises(Unprocessable):
        services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES)


def test_a_task_is_completed_once(cast: Cast, dora: Any, orchestrator: Recorder) -> None:
    task = ManualTaskFactory(workflow_instance_id=uuid4())
    services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES)
    for late in (cast.bob, dora, cast.admin):
        with pytest.raises(Conflict) as refused:
            services.complete(actor=late, task_id=task.pk, action="reject", output=YES)
        assert refused.value.code == "task-completed"
    assert len(orchestrator.told) == 1


def test_a_stale_answer_is_refused(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob, version=3)
    with pytest.raises(StaleVersion):
        services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES, if_match=2)


def test_cancelling_tells_the_workflow_and_takes_the_task_from_the_queue(cast: Cast, orchestrator: Recorder) -> None:
    task = ManualTaskFactory(type=Task.Type.AUTOMATED, workflow_instance_id=uuid4(), actions=None, form=None)
    ReadyTask.objects.create(task_id=task.pk, queue="io")
    cancelled = services.cancel(actor=cast.alice, task_id=task.pk, reason="Not needed")
    assert cancelled.status == "CANCELLED"
    assert cancelled.error is not None
    assert (cancelled.error["code"], cancelled.error["message"]) == ("CANCELLED", "Not needed")
    assert not ReadyTask.objects.filter(pk=task.pk).exists()
    assert orchestrator.told[0].status == "CANCELLED"


def test_a_candidate_does_not_cancel(cast: Cast) -> None:
    with pytest.raises(AccessDenied):
        services.cancel(actor=cast.bob, task_id=ManualTaskFactory(assignee=cast.bob).pk)


def test_a_task_of_ones_own_can_be_taken_back(cast: Cast) -> None:
    requester = cast.bob
    task = ManualTaskFactory(requested_by=requester, candidate_groups=["manager"])
    assert services.cancel(actor=requester, task_id=task.pk).status == "CANCELLED"


def test_reopening_brings_the_answer_back_as_a_draft(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    services.complete(actor=cast.bob, task_id=task.pk, action="approve", output=YES)
    reopened = services.reopen(actor=cast.alice, task_id=task.pk)
    assert (reopened.status, reopened.draft, reopened.output) == ("ASSIGNED", YES, None)
    services.complete(actor=cast.bob, task_id=task.pk, action="reject", output={"approved": False})


def test_an_answer_that_a_workflow_went_on_with_stays(cast: Cast, orchestrator: Recorder) -> None:
    task = ManualTaskFactory(
        status="COMPLETED", completed_at=timezone.now(), completed_by=cast.bob, workflow_instance_id=uuid4()
    )
    with pytest.raises(Conflict) as refused:
        services.reopen(actor=cast.alice, task_id=task.pk)
    assert refused.value.code == "workflow-task"
