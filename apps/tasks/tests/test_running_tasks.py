"""Running a task by itself: at once, on a worker, or by a person."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.access import AccessDenied
from apps.auth.models import AuditEntry
from apps.auth.tests.factories import Cast
from apps.tasks import services
from apps.tasks.models import ReadyTask, TaskDefinition
from apps.validation.problems import Conflict, NotFound, Unprocessable

from .factories import TaskDefinitionFactory, expression_document, http_document, human_document


def test_a_task_that_needs_no_waiting_is_done_at_once(cast: Cast) -> None:
    TaskDefinitionFactory()
    task = services.run_task(actor=cast.alice, key="double", input={"amount": 4})
    task.refresh_from_db()
    assert (task.status, task.output, task.attempt) == ("COMPLETED", {"doubled": 8}, 1)
    assert task.requested_by_id == cast.alice.pk
    assert AuditEntry.objects.get(action="task.requested").details == {"taskId": "double", "version": "1.0.0"}


def test_its_failure_is_kept_with_the_task(cast: Cast) -> None:
    TaskDefinitionFactory(document=expression_document(fail={"condition": "true", "code": "NO", "message": "never"}))
    task = services.run_task(actor=cast.alice, key="double", input={"amount": 4})
    task.refresh_from_db()
    assert task.status == "FAILED"
    assert task.error is not None
    assert (task.error["code"], task.error["message"], task.error["type"]) == ("NO", "never", "PERMANENT")


def test_a_workers_task_is_queued(cast: Cast) -> None:
    TaskDefinitionFactory(document=http_document("https://api.example.com/") | {"timeout": 1500})
    task = services.run_task(actor=cast.alice, key="call", priority="HIGH")
    assert (task.status, task.title, task.requested_by_id, task.timeout) == ("PENDING", "Call", cast.alice.pk, 1.5)
    queued = ReadyTask.objects.get(pk=task.pk)
    assert (queued.queue, queued.priority, queued.worker) == ("io", 2, None)


def test_a_persons_task_is_opened_for_its_candidates(cast: Cast) -> None:
    document = human_document(
        title="Approve ${input.amount} €",
        assignee="${input.manager}",
        priority="${input.amount > 100 ? 'HIGH' : 'LOW'}",
    )
    TaskDefinitionFactory(document=document)
    task = services.run_task(actor=cast.alice, key="approve", input={"amount": 500, "manager": "bob"})
    task.refresh_from_db()
    assert (task.type, task.status, task.assignee_id, task.title) == (
        "MANUAL",
        "ASSIGNED",
        cast.bob.pk,
        "Approve 500 €",
    )
    assert (task.priority, task.candidate_groups) == (2, ["managers"])
    services.complete(actor=cast.bob, task_id=task.pk, action="approve", output={"approved": True})


def test_input_that_does_not_fit_is_refused_with_pointers(cast: Cast) -> None:
    TaskDefinitionFactory()
    TaskDefinitionFactory(document=human_document(assignee="${input.manager}"))
    with pytest.raises(Unprocessable) as refused:
        services.run_task(actor=cast.alice, key="double", input={"amount": "x"})
    assert [violation.pointer for violation in refused.value.violations] == ["/input/amount"]
    with pytest.raises(Unprocessable) as refused:
        services.run_task(actor=cast.alice, key="approve", input={})
    assert refused.value.violations[0].pointer == "/input"


def test_only_published_definitions_are_run(cast: Cast) -> None:
    TaskDefinitionFactory(status=TaskDefinition.Status.DRAFT, published_at=None)
    with pytest.raises(Conflict):
        services.run_task(actor=cast.alice, key="double", input={"amount": 1})
    with pytest.raises(NotFound):
        services.run_task(actor=cast.alice, key="nothing")


def test_the_newest_published_version_is_run_unless_one_is_named(cast: Cast) -> None:
    TaskDefinitionFactory()
    TaskDefinitionFactory(
        document=expression_document(output={"tripled": "${input.amount * 3}"}) | {"version": "1.10.0"}
    )
    TaskDefinitionFactory(document=expression_document() | {"version": "1.9.0"})
    run: Any = lambda **more: services.run_task(actor=cast.alice, key="double", input={"amount": 1}, **more).output  # noqa: E731
    assert run() == {"tripled": 3}
    assert run(version="1.0.0") == {"doubled": 2}


def test_running_needs_the_right(cast: Cast) -> None:
    TaskDefinitionFactory()
    with pytest.raises(AccessDenied):
        services.run_task(actor=cast.bob, key="double", input={"amount": 1})
