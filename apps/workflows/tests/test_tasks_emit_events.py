"""What the definition of a task says is told, whoever does the task: a worker, the run itself, a person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.events.models import Event
from apps.events.selectors import published as definitions
from apps.events.tests.factories import EventDefinitionFactory
from apps.events.tests.statements import counted_statements
from apps.tasks.jobs import sweep
from apps.tasks.models import Task
from apps.tasks.runtime import queue
from apps.tasks.runtime.worker import Worker
from apps.tasks.services import cancel, complete, reopen, run_task
from apps.tasks.tests.factories import TaskDefinitionFactory, human_document
from apps.workflows.models import StepExecution
from apps.workflows.services import instances
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import errand, flow, published, started, worker_task
from apps.workflows.tests.live import advance, fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)

TELLS = {
    "onComplete": {"emit": [{"pattern": "errands.done", "payload": {"asked": "${input.n}", "got": "${output.n}"}}]},
    "onFailure": {"emit": [{"pattern": "errands.failed", "payload": {"asked": "${input.n}", "why": "${error.code}"}}]},
}
ASKS = human_document() | {
    "onComplete": {"emit": [{"pattern": "approvals.given", "payload": {"yes": "${output.approved}"}}]},
    "onFailure": {"emit": [{"pattern": "approvals.missed", "payload": {"why": "${error.code}"}}]},
}
YES = {"approved": True}


def told() -> list[tuple[str, Any]]:
    return [(each.pattern, each.payload) for each in Event.objects.order_by("id")]


def defined(pattern: str, **schema: Any) -> None:
    about = {"eventId": "e", "name": pattern, "pattern": pattern, "version": "1.2.0"}
    EventDefinitionFactory(document=about | {"payloadSchema": {"type": "object", **schema}})


def an_inline(**more: Any) -> dict[str, Any]:
    return worker_task() | {"executionConfig": {}} | TELLS | more


# Tasks of steps


def test_a_workers_task_is_told_with_the_run_that_it_belongs_to(alice: User, worker: Worker) -> None:
    published(errand(), worker_task(**TELLS))
    run = started(alice, "errand", {"n": 21}, correlation_id="order-2", trigger_event_id="t-1")
    assert told() == []
    worker.drain(10)
    assert told() == [("errands.done", {"asked": 21, "got": 42})]
    event, task = Event.objects.get(), Task.objects.get()
    assert event.source == {"type": "task", "id": str(task.id), "name": "errand"}
    assert event.metadata == {"correlationId": "order-2", "causationId": "t-1"}
    assert event.event_id == f"{task.id}:errands.done:0"
    assert fresh(run).status == "COMPLETED"


def test_it_is_told_in_the_transaction_that_records_the_result(alice: User) -> None:
    published(errand(), an_inline())
    with transaction.atomic():
        run = started(alice, "errand", {"n": 1})
        assert (run.status, told()) == ("COMPLETED", [("errands.done", {"asked": 1, "got": 2})])
        transaction.set_rollback(True)
    assert told() == []


def test_a_failure_is_told_once_after_the_last_attempt(alice: User, worker: Worker) -> None:
    document = errand()
    document["steps"][0]["retryPolicy"] = {"maxAttempts": 2, "delay": "PT1H", "retryableErrors": ["TOO_MUCH"]}
    published(document, worker_task(**TELLS))
    run = started(alice, "errand", {"n": 5_000})
    worker.drain(5)
    assert (fresh(run).status, told()) == ("RUNNING", [])
    pass_time(3_601)
    worker.drain(5)
    assert (fresh(run).status, told()) == ("FAILED", [("errands.failed", {"asked": 5_000, "why": "TOO_MUCH"})])


def test_a_payload_that_does_not_fit_fails_the_step(alice: User, worker: Worker) -> None:
    defined("errands.done", required=["nobody"])
    published(errand(), worker_task(**TELLS))
    run = started(alice, "errand", {"n": 21})
    worker.drain(5)
    assert (fresh(run).status, fresh(run).error["code"]) == ("FAILED", "EVENT_PAYLOAD_INVALID")
    assert StepExecution.objects.get(instance_id=run.id).status == "FAILED"
    assert told() == [("errands.failed", {"asked": 21, "why": "EVENT_PAYLOAD_INVALID"})]


def test_a_persons_task_says_who_completed_it(alice: User, bob: User) -> None:
    published(flow({"stepId": "ask", "type": "TASK", "taskId": "approve"}), ASKS | {"taskId": "approve"})
    run = started(alice, "flow", correlation_id="order-2")
    complete(actor=bob, task_id=Task.objects.get().id, action="approve", output=YES)
    assert (fresh(run).status, told()) == ("COMPLETED", [("approvals.given", {"yes": True})])
    assert Event.objects.get().metadata == {"correlationId": "order-2", "userId": str(bob.pk)}


def test_a_persons_task_that_is_cancelled_has_failed(alice: User) -> None:
    published(flow({"stepId": "ask", "type": "TASK", "taskId": "approve"}), ASKS | {"taskId": "approve"})
    run = started(alice, "flow")
    cancel(actor=alice, task_id=Task.objects.get().id)
    assert (fresh(run).status, told()) == ("FAILED", [("approvals.missed", {"why": "CANCELLED"})])
    assert Event.objects.get().metadata["userId"] == str(alice.pk)


def test_what_a_suspended_run_was_told_is_told_on_when_it_goes_on(alice: User, worker: Worker) -> None:
    published(errand(), worker_task(**TELLS))
    run = started(alice, "errand", {"n": 21})
    [claimed] = queue.claim(worker.name, ["io"], 1)
    instances.suspend(actor=alice, instance_id=run.id, reason="")
    worker._finished.append(queue.Finished(claimed, "COMPLETED", {"n": 42}))
    worker.drain(5)
    assert (Task.objects.get().status, told()) == ("COMPLETED", [])
    instances.resume(actor=alice, instance_id=run.id)
    advance()
    assert told() == [("errands.done", {"asked": 21, "got": 42})]


@pytest.fixture
def events_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Definitions of events are not looked up anew while a test counts."""
    monkeypatch.setattr(definitions, "KEPT_SECONDS", 1_000.0)


@pytest.mark.usefixtures("events_are_known")
def test_a_task_that_tells_takes_one_statement_more_however_many_there_are(alice: User, worker: Worker) -> None:
    published(errand(), worker_task())
    published(errand("teller", workflowId="telling"), worker_task("teller", **TELLS))
    counts = {}
    for workflow_id, size in (("errand", 1), ("telling", 1), ("errand", 1), ("telling", 1), ("telling", 40)):
        instances.start_batch(actor=alice, requests=[Start(workflow_id, {"n": n}) for n in range(size)])
        advance()
        claimed = queue.claim(worker.name, ["io"], 100)
        assert len(claimed) == size
        results = [queue.Finished(each, "COMPLETED", {"n": 1}) for each in claimed]
        with counted_statements() as statements:
            worker._turn_now(results, False, 0, False)
        counts[workflow_id, size] = len(statements)
    assert counts["telling", 1] == counts["telling", 40] == counts["errand", 1] + 1


# Tasks without a workflow


def test_a_task_by_itself_tells_when_it_is_done_at_once(alice: User) -> None:
    TaskDefinitionFactory(document=an_inline())
    task = run_task(actor=alice, key="errand", input={"n": 2})
    assert (task.status, told()) == ("COMPLETED", [("errands.done", {"asked": 2, "got": 4})])
    event = Event.objects.get()
    assert event.source == {"type": "task", "id": str(task.id), "name": "errand"}
    assert event.metadata == {"userId": str(alice.pk)}


def test_a_task_by_itself_tells_of_its_failure(alice: User) -> None:
    TaskDefinitionFactory(document=an_inline())
    run_task(actor=alice, key="errand", input={"n": 5_000})
    assert told() == [("errands.failed", {"asked": 5_000, "why": "TOO_MUCH"})]


def test_a_payload_that_does_not_fit_fails_a_task_by_itself(alice: User, worker: Worker) -> None:
    defined("errands.done", required=["nobody"])
    TaskDefinitionFactory(document=an_inline())
    TaskDefinitionFactory(document=worker_task("slow", **TELLS))
    at_once = run_task(actor=alice, key="errand", input={"n": 2})
    later = run_task(actor=alice, key="slow", input={"n": 3})
    worker.drain(5)
    later.refresh_from_db()
    for task in (at_once, later):
        assert (task.status, task.output, task.error["code"]) == ("FAILED", None, "EVENT_PAYLOAD_INVALID")
        assert task.error["details"]["version"] == "1.2.0"
    assert [payload["why"] for _, payload in told()] == ["EVENT_PAYLOAD_INVALID"] * 2


def test_a_workers_task_by_itself_tells_when_it_is_done(alice: User, worker: Worker) -> None:
    TaskDefinitionFactory(document=worker_task(**TELLS))
    task = run_task(actor=alice, key="errand", input={"n": 21})
    worker.drain(5)
    assert told() == [("errands.done", {"asked": 21, "got": 42})]
    assert Event.objects.get().metadata == {"userId": str(alice.pk)}
    assert Event.objects.get().source["id"] == str(task.id)


def test_a_workers_task_by_itself_tells_of_its_failure_after_the_last_attempt(alice: User, worker: Worker) -> None:
    policy = {"maxAttempts": 2, "delay": "PT1H", "retryableErrors": ["TOO_MUCH"]}
    TaskDefinitionFactory(document=worker_task(retryPolicy=policy, **TELLS))
    run_task(actor=alice, key="errand", input={"n": 5_000})
    worker.drain(5)
    assert told() == []
    pass_time(3_601)
    worker.drain(5)
    assert told() == [("errands.failed", {"asked": 5_000, "why": "TOO_MUCH"})]


def test_a_failure_that_cannot_be_told_stays_a_failure_and_says_so(alice: User, worker: Worker) -> None:
    defined("errands.failed", required=["nobody"])
    TaskDefinitionFactory(document=worker_task(**TELLS))
    task = run_task(actor=alice, key="errand", input={"n": 5_000})
    worker.drain(5)
    task.refresh_from_db()
    assert (task.status, task.error["code"], told()) == ("FAILED", "TOO_MUCH", [])
    assert task.error["details"]["notEmitted"]["code"] == "EVENT_PAYLOAD_INVALID"


def test_a_task_whose_workers_all_went_away_tells_that_too(alice: User, settings: Any) -> None:
    settings.AUGMENTED_MAX_CLAIMS = 1
    TaskDefinitionFactory(document=worker_task(**TELLS))
    run_task(actor=alice, key="errand", input={"n": 21})
    assert len(queue.claim("gone", ["io"], 1)) == 1
    queue.run("UPDATE tasks_readytask SET leased_until = now() - interval '1 second'")
    sweep()
    assert told() == [("errands.failed", {"asked": 21, "why": "WORKER_LOST"})]


def test_a_person_completes_a_task_by_itself_and_each_answer_is_told(alice: User, bob: User) -> None:
    TaskDefinitionFactory(document=ASKS)
    task_id: UUID = run_task(actor=alice, key="approve").id
    complete(actor=bob, task_id=task_id, action="approve", output=YES)
    reopen(actor=alice, task_id=task_id)
    complete(actor=bob, task_id=task_id, action="reject", output={"approved": False})
    assert told() == [("approvals.given", {"yes": True}), ("approvals.given", {"yes": False})]
    assert {each.metadata["userId"] for each in Event.objects.all()} == {str(bob.pk)}


def test_a_task_by_itself_that_is_cancelled_tells_it(alice: User) -> None:
    TaskDefinitionFactory(document=ASKS)
    cancel(actor=alice, task_id=run_task(actor=alice, key="approve").id)
    assert told() == [("approvals.missed", {"why": "CANCELLED"})]


def test_an_answer_that_cannot_be_told_is_refused_and_the_task_stays_open(alice: User, bob: User, api: Any) -> None:
    defined("approvals.given", properties={"yes": {"const": False}})
    TaskDefinitionFactory(document=ASKS)
    task = run_task(actor=alice, key="approve")
    answer = api(bob).post(f"/api/v1/tasks/{task.id}/complete", {"action": "approve", "output": YES})
    assert answer.status_code == 422
    assert answer.json()["violations"][0]["code"] == "event-payload-invalid"
    task.refresh_from_db()
    assert (task.status, told()) == ("PENDING", [])


@pytest.mark.usefixtures("events_are_known")
def test_tasks_that_tell_nothing_take_no_statement_more(alice: User, worker: Worker) -> None:
    TaskDefinitionFactory(document=worker_task("quiet"))
    TaskDefinitionFactory(document=worker_task("teller", **TELLS))
    counts: dict[str, int] = {}
    for key in ("quiet", "teller", "quiet", "teller"):
        run_task(actor=alice, key=key, input={"n": 1})
        [claimed] = queue.claim(worker.name, ["io"], 1)
        with counted_statements() as statements:
            worker._turn_now([queue.Finished(claimed, "COMPLETED", {"n": 2})], False, 0, False)
        counts[key] = len(statements)
    assert counts == {"quiet": counts["quiet"], "teller": counts["quiet"] + 1}
    assert [each.pattern for each in Event.objects.all()] == ["errands.done"] * 2
