"""`concurrency`: as many runs of a workflow, or of one key, as it allows; who is too many queues, is refused, or takes over."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.tests.statements import counted_statements
from apps.tasks.runtime.outcomes import deliver
from apps.validation.problems import Conflict, Unprocessable
from apps.workflows.models import ConcurrencySlot, WorkflowInstance
from apps.workflows.services import instances, steering, timers
from apps.workflows.services.instances import Start
from apps.workflows.tests.factories import flow, nap, published, started
from apps.workflows.tests.live import advance, fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "/api/v1/workflows/instances"


def limited(limit: int = 1, on_conflict: str = "QUEUE", key: str | None = None, **more: Any) -> dict[str, Any]:
    """A nap of an hour that only so many may take at once."""
    concurrency: dict[str, Any] = {"limit": limit, "onConflict": on_conflict}
    return nap(concurrency=concurrency if key is None else concurrency | {"key": key}) | more


def statuses(*runs: WorkflowInstance) -> list[str]:
    return [fresh(run).status for run in runs]


def cancel(actor: User, run: WorkflowInstance) -> None:
    instances.cancel(actor=actor, instance_id=run.id, reason="x")


def test_one_too_many_queues_and_begins_when_another_ends_in_the_order_of_arrival(alice: User) -> None:
    published(limited(2))
    one, two, three, four, five = (started(alice, "nap") for _ in range(5))
    advance()
    assert statuses(one, two, three, four, five) == ["RUNNING", "RUNNING", "CREATED", "CREATED", "CREATED"]
    cancel(alice, two)
    advance()
    assert statuses(one, two, three, four, five) == ["RUNNING", "CANCELLED", "RUNNING", "CREATED", "CREATED"]
    pass_time(3_601)
    advance()
    assert statuses(one, three, four, five) == ["COMPLETED", "COMPLETED", "RUNNING", "RUNNING"]
    pass_time(3_601)
    advance()
    assert statuses(four, five) == ["COMPLETED", "COMPLETED"]
    assert not ConcurrencySlot.objects.exists()


def test_the_next_one_is_let_in_by_the_transaction_that_ends_the_one_before(alice: User) -> None:
    published(limited())
    one, two = started(alice, "nap"), started(alice, "nap")
    advance()
    with transaction.atomic():
        cancel(alice, one)
        assert ConcurrencySlot.objects.get().instance_id == two.id
        assert ConcurrencySlot.objects.get().held
        transaction.set_rollback(True)
    assert {each.instance_id: each.held for each in ConcurrencySlot.objects.all()} == {one.id: True, two.id: False}


def test_each_key_has_slots_of_its_own(alice: User) -> None:
    published(limited(key="input.customer"))
    runs = [started(alice, "nap", {"customer": name}) for name in ("a", "b", "a", "b", "c")]
    advance()
    assert statuses(*runs) == ["RUNNING", "RUNNING", "CREATED", "CREATED", "RUNNING"]


def test_an_input_without_the_key_is_refused(alice: User) -> None:
    published(limited(key="input.customer"))
    with pytest.raises(Unprocessable) as refused:
        started(alice, "nap", {})
    assert [(each.code, each.pointer) for each in refused.value.violations] == [("concurrency-key", "/input")]
    assert not WorkflowInstance.objects.exists()


def test_two_workflows_with_the_same_key_do_not_meet(alice: User) -> None:
    published(limited())
    published(limited(workflowId="siesta"))
    runs = [started(alice, "nap"), started(alice, "siesta")]
    advance()
    assert statuses(*runs) == ["RUNNING", "RUNNING"]


def test_one_too_many_is_refused_where_the_workflow_says_so(alice: User, api: Any) -> None:
    published(limited(on_conflict="REJECT"))
    client: APIClient = api(alice)
    one = client.post(HERE, {"workflowId": "nap"}, format="json").json()
    refused = client.post(HERE, {"workflowId": "nap"}, format="json")
    assert refused.status_code == 409
    assert refused.json()["detail"] == f"Only 1 run may be under way at once: {one['id']} holds the slot."
    assert WorkflowInstance.objects.count() == ConcurrencySlot.objects.count() == 1
    advance()
    pass_time(3_601)
    advance()
    assert client.post(HERE, {"workflowId": "nap"}, format="json").status_code == 202


def test_a_refusal_names_no_run_that_the_caller_may_not_know_of(alice: User) -> None:
    published(limited(on_conflict="REJECT"))
    mine = started(alice, "nap")
    robot = UserFactory(username="robot", roles=["service"])
    with pytest.raises(Conflict) as refused:
        started(robot, "nap")
    assert str(mine.id) not in str(refused.value.detail)
    assert "1 of other people's runs holds the slot" in str(refused.value.detail)


def test_a_batch_is_refused_as_a_whole_when_one_of_it_is_too_many(alice: User) -> None:
    published(limited(2, "REJECT"))
    with pytest.raises(Conflict):
        instances.start_batch(actor=alice, requests=[Start("nap")] * 3)
    assert not WorkflowInstance.objects.exists()
    assert len(instances.start_batch(actor=alice, requests=[Start("nap")] * 2)) == 2


def test_a_batch_queues_in_its_order(alice: User) -> None:
    published(limited())
    ids = instances.start_batch(actor=alice, requests=[Start("nap")] * 4)
    for position in range(4):
        advance()
        found = dict(WorkflowInstance.objects.values_list("id", "status"))
        assert [found[id_] for id_ in ids] == ["COMPLETED"] * position + ["RUNNING"] + ["CREATED"] * (3 - position)
        pass_time(3_601)


def test_a_later_run_takes_over_where_the_workflow_says_so(alice: User) -> None:
    published(limited(on_conflict="CANCEL_RUNNING"))
    one = started(alice, "nap")
    advance()
    two = started(alice, "nap")
    three = started(alice, "nap")
    advance()
    assert statuses(one, two, three) == ["CANCELLED", "CANCELLED", "RUNNING"]
    assert (fresh(one).cancellation or {})["reason"] == "A later run took its place."


def test_the_later_run_begins_only_once_the_earlier_has_undone_its_work(alice: User) -> None:
    published(limited(on_conflict="CANCEL_RUNNING"))
    one = started(alice, "nap")
    advance()
    WorkflowInstance.objects.filter(id=one.id).update(status="COMPENSATING")  # as if it were being cancelled already
    two = started(alice, "nap")
    advance()
    assert statuses(one, two) == ["COMPENSATING", "CREATED"]


def test_a_run_that_waits_its_turn_can_be_cancelled_and_the_queue_closes_up(alice: User) -> None:
    published(limited())
    one, two, three = (started(alice, "nap") for _ in range(3))
    advance()
    cancel(alice, two)
    cancel(alice, one)
    advance()
    assert statuses(one, two, three) == ["CANCELLED", "CANCELLED", "RUNNING"]


def test_a_run_that_rests_keeps_its_slot(alice: User) -> None:
    published(limited())
    one, two = started(alice, "nap"), started(alice, "nap")
    advance()
    instances.suspend(actor=alice, instance_id=one.id, reason="x")
    advance()
    assert statuses(one, two) == ["SUSPENDED", "CREATED"]


def test_a_run_is_retried_only_when_a_slot_is_free_and_the_preview_says_so(alice: User, api: Any) -> None:
    published(limited())
    one, two = started(alice, "nap"), started(alice, "nap")
    advance()
    cancel(alice, one)
    advance()

    def foreseen() -> dict[str, Any]:
        return api(alice).post(f"{HERE}/{one.id}/preview", {"operation": "retry"}, format="json").json()

    with pytest.raises(Conflict) as refused:
        steering.retry(actor=alice, instance_id=one.id)
    assert "another holds its slot" in str(refused.value.detail)
    assert foreseen().items() >= {"allowed": False, "refusal": refused.value.detail, "consequences": []}.items()
    assert statuses(one, two) == ["CANCELLED", "RUNNING"]
    cancel(alice, two)
    assert foreseen()["allowed"]
    steering.retry(actor=alice, instance_id=one.id)
    three = started(alice, "nap")
    advance()
    assert statuses(one, three) == ["RUNNING", "CREATED"]
    pass_time(3_601)
    advance()
    assert statuses(one, three) == ["COMPLETED", "RUNNING"]


def test_the_explanation_says_where_in_the_queue_a_run_stands_and_for_whom(alice: User, api: Any) -> None:
    published(limited(key="input.customer"))
    one, two, three = (started(alice, "nap", {"customer": "a"}) for _ in range(3))
    client: APIClient = api(alice)
    said = client.get(f"{HERE}/{three.id}/explain").json()
    assert said["queue"] == {"key": '"a"', "ahead": 1, "capacity": 1, "holders": [str(one.id)]}
    assert said["sentence"] == (
        'The run is queued: only one run of this workflow with the key "a" may be under way at once. '
        "One run is ahead of it."
    )
    assert said["movesWhen"] == f"{one.id} ends."
    assert "It is next." in client.get(f"{HERE}/{two.id}/explain").json()["sentence"]
    assert client.get(f"{HERE}/{one.id}/explain").json()["queue"] is None


# Children


def calling(**step: Any) -> dict[str, Any]:
    return flow({"stepId": "call", "type": "SUB_WORKFLOW", "workflowId": "nap"} | step)


def test_children_queue_like_other_runs(alice: User) -> None:
    published(limited())
    published(calling())
    one, two = started(alice, "flow"), started(alice, "flow")
    advance()
    children = [WorkflowInstance.objects.get(parent_instance_id=each.id) for each in (one, two)]
    assert statuses(*children) == ["RUNNING", "CREATED"]
    pass_time(3_601)
    advance()
    assert statuses(one, two, *children) == ["COMPLETED", "RUNNING", "COMPLETED", "RUNNING"]


def test_a_child_that_is_refused_fails_its_step(alice: User) -> None:
    published(limited(on_conflict="REJECT"))
    published(calling())
    one, two = started(alice, "flow"), started(alice, "flow")
    advance()
    assert statuses(one, two) == ["RUNNING", "FAILED"]
    assert (fresh(two).error or {})["message"] == "As many runs as may be under way at once are."


def test_a_child_whose_input_lacks_the_key_fails_its_step(alice: User) -> None:
    published(limited(key="input.customer"))
    published(calling())
    run = started(alice, "flow")
    assert (run.status, (run.error or {})["type"]) == ("FAILED", "EXPRESSION")


# Races and costs


def in_threads(*acts: Any) -> list[Exception]:
    """Do these at the same time, each on a connection of its own; gives the problems."""
    begin = threading.Barrier(len(acts))
    problems: list[Exception] = []

    def act(one: Any) -> None:
        begin.wait(10)
        try:
            one()
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(each,)) for each in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return problems


def test_starts_that_race_get_no_more_slots_than_there_are(alice: User) -> None:
    published(limited(3))
    problems = in_threads(*[lambda: started(alice, "nap")] * 10)
    assert problems == []
    assert ConcurrencySlot.objects.filter(held=True).count() == 3
    advance()
    assert sorted(WorkflowInstance.objects.values_list("status", flat=True)) == ["CREATED"] * 7 + ["RUNNING"] * 3


def test_starts_that_race_where_too_many_are_refused(alice: User) -> None:
    published(limited(3, "REJECT"))
    problems = in_threads(*[lambda: started(alice, "nap")] * 10)
    assert [type(each) for each in problems] == [Conflict] * 7
    assert WorkflowInstance.objects.count() == ConcurrencySlot.objects.filter(held=True).count() == 3


def test_ends_that_race_let_in_as_many_as_there_are_slots(alice: User) -> None:
    published(limited(4))
    runs = [started(alice, "nap") for _ in range(10)]
    advance()
    starts = [lambda: started(alice, "nap")] * 3
    problems = in_threads(*[lambda r=run: cancel(alice, r) for run in runs[:4]], *starts)
    assert problems == []
    assert ConcurrencySlot.objects.filter(held=True).count() == 4
    advance()
    assert WorkflowInstance.objects.filter(status="RUNNING").count() == 4
    # First come, first served: of those who stood in the queue before the race.
    assert set(WorkflowInstance.objects.filter(status="RUNNING").values_list("id", flat=True)) == {
        run.id for run in runs[4:8]
    }


def test_a_turn_that_dies_with_the_run_it_ended_leaves_the_slot_as_it_was(alice: User) -> None:
    published(limited())
    one, two = started(alice, "nap"), started(alice, "nap")
    advance()
    pass_time(3_601)
    with transaction.atomic():
        advance()
        assert fresh(one).status == "COMPLETED"
        transaction.set_rollback(True)
    assert statuses(one, two) == ["RUNNING", "CREATED"]
    advance()
    assert statuses(one, two) == ["COMPLETED", "RUNNING"]


def test_an_end_costs_the_same_with_a_long_queue_behind_it(alice: User) -> None:
    published(limited())
    counts = []
    for length in (3, 1_000):
        instances.start_batch(actor=alice, requests=[Start("nap")] * length)
        advance()
        with counted_statements() as statements:
            instances.cancel(actor=alice, instance_id=running(), reason="x")
        counts.append(len(statements))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE workflows_concurrencyslot")
        advance()
    assert counts[0] == counts[1]
    assert ConcurrencySlot.objects.filter(held=True).count() == 1


def running() -> UUID:
    return WorkflowInstance.objects.get(status="RUNNING").id


def test_many_ends_in_one_wave_take_as_many_statements_as_one(alice: User) -> None:
    published(limited(key="input.n"))
    counts = []
    for size in (1, 1, 50):  # the first compiles the definition
        instances.start_batch(actor=alice, requests=[Start("nap", {"n": n}) for n in range(size)])
        advance()
        pass_time(3_601)
        timers.fire_timers()
        with transaction.atomic(), counted_statements() as statements:
            deliver([], pump=200)
        counts.append(len(statements))
    assert 0 < counts[1] == counts[2]
    assert not ConcurrencySlot.objects.exists()
