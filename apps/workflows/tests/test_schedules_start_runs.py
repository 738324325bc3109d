"""Schedules on Postgres: each slot is decided about once, and what was decided stands in the log."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.tasks.runtime.worker import Worker
from apps.validation.problems import Conflict, Unprocessable
from apps.workflows.models import Schedule, ScheduleFire, WorkflowDefinition, WorkflowInstance
from apps.workflows.rules.firing import CatchUp
from apps.workflows.services import definitions, firing, instances, schedules
from apps.workflows.tests.factories import approval, errand, greeting, nap, published, worker_task
from apps.workflows.tests.live import advance

pytestmark = pytest.mark.django_db


def saved(actor: User, workflow_id: str = "nap", **more: Any) -> Schedule:
    document = {"workflowId": workflow_id, "interval": "PT1H"} | more
    if "cron" in document:
        del document["interval"]
    return schedules.save(actor=actor, document=document)[0]


def pass_time(seconds: float) -> None:
    """Move everything that schedules know of a time back by so much."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflows_schedule SET anchor = anchor - %(by)s, decided_until = decided_until - %(by)s,"
            " next_slot = next_slot - %(by)s, due_at = due_at - %(by)s, paused_at = paused_at - %(by)s",
            {"by": timedelta(seconds=seconds)},
        )
        # Far away first: two slots must not meet on the way.
        for by in (timedelta(days=10_000) + timedelta(seconds=seconds), timedelta(days=-10_000)):
            cursor.execute("UPDATE workflows_schedulefire SET slot = slot - %s", [by])


def log(schedule: Schedule) -> list[tuple[str, str]]:
    rows = ScheduleFire.objects.filter(schedule=schedule).order_by("slot")
    return list(rows.values_list("decision", "origin"))


def runs() -> int:
    return WorkflowInstance.objects.count()


def test_a_slot_that_is_due_starts_one_run_that_says_why(alice: User) -> None:
    published(greeting())
    schedule = saved(alice, "greeting", input={"name": "${event.payload.scheduleId}"})
    assert firing.fire_due() == 0
    pass_time(3_601)
    assert (firing.fire_due(), firing.fire_due()) == (1, 0)
    fire = ScheduleFire.objects.get()
    run = WorkflowInstance.objects.get()
    assert (fire.decision, fire.origin, fire.instance_id) == ("STARTED", "DUE", run.id)
    assert run.input == {"name": "greeting"}
    assert run.started_by == alice
    assert run.trigger_event_id is not None and run.trigger_event_id.startswith("schedule:greeting:20")
    schedule.refresh_from_db()
    assert schedule.last_run_id == run.id
    assert schedule.next_slot == fire.slot + timedelta(hours=1) == schedule.due_at


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("NONE", [("MISSED", "DUE")]),
        ("LAST", [("MISSED", "DUE"), ("STARTED", "CATCH_UP")]),
        ("ALL", [("STARTED", "CATCH_UP")] * 5),
    ],
)
def test_what_was_missed_is_caught_up_as_the_schedule_says(
    catch_up: str, expected: list[tuple[str, str]], alice: User
) -> None:
    published(nap())
    schedule = saved(alice, catchUp=catch_up, overlap="ALLOW")
    pass_time(5 * 3_600 + 600)
    firing.fire_due()
    assert log(schedule) == expected
    first = ScheduleFire.objects.earliest("slot")
    assert first.count == 6 - len(expected)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("SKIP", ["STARTED", "SKIPPED", "SKIPPED"]),
        ("ALLOW", ["STARTED", "STARTED", "STARTED"]),
        ("QUEUE", ["STARTED", "QUEUED", "QUEUED"]),
        ("CANCEL_RUNNING", ["STARTED", "STARTED", "STARTED"]),
    ],
)
def test_a_run_that_is_still_going_meets_the_next_slot(overlap: str, expected: list[str], alice: User) -> None:
    published(nap())
    schedule = saved(alice, overlap=overlap)
    for _ in expected:
        pass_time(3_600)
        firing.fire_due()
        firing.start_queued()
        advance()
    assert [decision for decision, _ in log(schedule)] == expected
    going = WorkflowInstance.objects.filter(completed_at=None).count()
    assert going == (3 if overlap == "ALLOW" else 1)
    if overlap == "CANCEL_RUNNING":
        cancelled = WorkflowInstance.objects.filter(status="CANCELLED").first()
        assert cancelled is not None and cancelled.cancellation is not None
        assert cancelled.cancellation["reason"] == "The schedule nap fires again."


def test_queued_fires_start_one_after_the_other(alice: User) -> None:
    published(nap())
    schedule = saved(alice, overlap="QUEUE")
    for _ in range(3):
        pass_time(3_600)
        firing.fire_due()
    advance()
    assert firing.start_queued() == 0
    for left in (1, 0):
        schedule.refresh_from_db()
        instances.cancel(actor=alice, instance_id=schedule.last_run_id, reason="")
        assert firing.start_queued() == 1
        assert firing.start_queued() == 0
        assert ScheduleFire.objects.filter(decision="QUEUED").count() == left
    in_order = list(ScheduleFire.objects.order_by("slot").values_list("instance_id", flat=True))
    assert in_order == list(WorkflowInstance.objects.order_by("id").values_list("id", flat=True))


def test_a_start_that_is_refused_is_a_failed_fire_and_stops_no_other(alice: User) -> None:
    published(nap())
    published(approval())
    gone = saved(alice, "approval")
    good = [saved(alice, "nap", scheduleId=f"nap-{n}") for n in range(3)]
    WorkflowDefinition.objects.filter(key="approval").update(status="archived")
    pass_time(3_600)
    assert firing.fire_due() == 3
    assert [log(each) for each in good] == [[("STARTED", "DUE")]] * 3
    fire = ScheduleFire.objects.get(schedule=gone)
    assert (fire.decision, fire.instance_id) == ("FAILED", None)
    assert "no published version" in fire.reason


def test_the_owners_rights_are_asked_when_it_fires(alice: User) -> None:
    published(nap())
    owner = UserFactory(username="olga", roles=["workflow_designer", "workflow_operator"])
    saved(owner)
    owner.roles.clear()
    pass_time(3_600)
    assert firing.fire_due() == 0
    assert "start:workflow" in ScheduleFire.objects.get().reason


def test_an_input_that_no_longer_fits_is_a_failed_fire(alice: User) -> None:
    published(greeting())
    saved(alice, "greeting", input={"name": "Ada"})
    changed = greeting(version="2.0.0")
    changed["inputSchema"] = {"type": "object", "required": ["age"]}
    published(changed)
    pass_time(3_600)
    firing.fire_due()
    assert "age" in ScheduleFire.objects.get().reason


def test_a_schedule_with_an_end_stops(alice: User) -> None:
    published(nap())
    schedule = saved(alice, cron="0 0 1 1 *")
    Schedule.objects.update(
        document={**schedule.document, "endAt": "2020-01-01T00:00:00Z"}, due_at="2020-01-01T00:00:00Z"
    )
    firing.fire_due()
    schedule.refresh_from_db()
    assert schedule.next_slot is None and schedule.due_at is None


def test_a_schedule_that_cannot_be_computed_is_paused_and_says_so(alice: User) -> None:
    published(nap())
    schedule = saved(alice)
    Schedule.objects.update(document={**schedule.document, "timezone": "Mars/Olympus"})
    pass_time(3_600)
    firing.fire_due()
    schedule.refresh_from_db()
    assert not schedule.enabled
    assert "paused" in ScheduleFire.objects.get().reason


def test_a_pause_keeps_it_still_and_resuming_never_floods(alice: User) -> None:
    published(nap())
    schedule = saved(alice, overlap="ALLOW", catchUp="ALL")
    schedules.pause(actor=alice, key="nap", reason="maintenance")
    pass_time(10 * 3_600 + 60)
    assert firing.fire_due() == 0
    _, counts = schedules.resume(actor=alice, key="nap")
    assert counts == {"started": 0, "queued": 0, "skipped": 0, "failed": 0, "missed": 10}
    assert firing.fire_due() == 0
    assert log(schedule) == [("MISSED", "DUE")]
    pass_time(3_600)
    assert firing.fire_due() == 1


@pytest.mark.parametrize(("catch_up", "started", "missed"), [("LAST", 1, 9), ("ALL", 10, 0)])
def test_resuming_makes_up_for_what_is_asked(catch_up: str, started: int, missed: int, alice: User) -> None:
    published(nap())
    saved(alice, overlap="ALLOW")
    schedules.pause(actor=alice, key="nap")
    pass_time(10 * 3_600 + 60)
    _, counts = schedules.resume(actor=alice, key="nap", catch_up=CatchUp(catch_up))
    assert (counts["started"], counts["missed"]) == (started, missed)
    assert runs() == started


def test_firing_by_hand_is_beside_the_timetable(alice: User) -> None:
    published(nap())
    schedule = saved(alice)
    before = schedule.next_slot
    fire = schedules.fire(actor=alice, key="nap", reason="now please")
    schedule.refresh_from_db()
    assert (fire.origin, fire.by, fire.instance_id) == ("MANUAL", "alice", schedule.last_run_id)
    assert schedule.next_slot == before
    with pytest.raises(Conflict):
        schedules.fire(actor=alice, key="nap")


def test_a_changed_rule_counts_from_now_and_a_changed_name_changes_nothing(alice: User) -> None:
    published(nap())
    before = saved(alice)
    renamed = saved(alice, name="Nap time", scheduleId="nap")
    assert renamed.next_slot == before.next_slot
    changed = saved(alice, interval="PT2H", scheduleId="nap")
    assert changed.next_slot is not None and before.next_slot is not None
    assert changed.next_slot > before.next_slot


def test_ids_are_made_from_the_workflow(alice: User) -> None:
    published(nap())
    assert [saved(alice).key, saved(alice).key, saved(alice, scheduleId="mine").key] == ["nap", "nap-2", "mine"]


def test_the_log_forgets_what_is_old_but_nothing_that_still_waits(alice: User) -> None:
    published(nap())
    schedule = saved(alice, overlap="QUEUE")
    for _ in range(3):
        pass_time(3_600)
        firing.fire_due()
    assert firing.forget_fires(keep=timedelta(days=1)) == 0
    assert firing.forget_fires(keep=timedelta(seconds=-5)) == 1
    assert [decision for decision, _ in log(schedule)] == ["QUEUED", "QUEUED"]


# Schedules in a workflow's own document


def with_trigger(version: str = "1.0.0", **trigger: Any) -> dict[str, Any]:
    return nap(version=version, triggers=[{"type": "schedule", "triggerId": "nightly", "cron": "0 2 * * *"} | trigger])


def publish(actor: User, document: dict[str, Any]) -> None:
    definitions.save(actor=actor, document=document)
    definitions.publish(actor=actor, workflow_id=document["workflowId"], version=document["version"])


def test_publishing_puts_its_schedules_in_force_and_archiving_rests_them(alice: User) -> None:
    publish(alice, with_trigger())
    schedule = Schedule.objects.get()
    assert (schedule.key, schedule.inline, schedule.enabled) == ("nap_nightly", True, True)
    publish(alice, with_trigger("1.1.0", cron="0 3 * * *"))
    schedule.refresh_from_db()
    assert schedule.document["cron"] == "0 3 * * *"
    definitions.archive(actor=alice, workflow_id="nap")
    schedule.refresh_from_db()
    assert not schedule.enabled
    publish(alice, with_trigger("1.2.0"))
    schedule.refresh_from_db()
    assert schedule.enabled
    publish(alice, nap(version="2.0.0"))
    assert not Schedule.objects.exists()


def test_an_older_version_published_later_changes_no_schedule(alice: User) -> None:
    publish(alice, with_trigger("2.0.0"))
    publish(alice, with_trigger("1.0.0", cron="0 5 * * *"))
    assert Schedule.objects.get().document["cron"] == "0 2 * * *"


def test_a_pause_by_a_person_outlives_a_new_version(alice: User) -> None:
    publish(alice, with_trigger())
    schedules.pause(actor=alice, key="nap_nightly")
    publish(alice, with_trigger("1.1.0"))
    assert not Schedule.objects.get().enabled


def test_a_schedule_in_a_document_is_changed_there_only(alice: User) -> None:
    publish(alice, with_trigger())
    with pytest.raises(Conflict):
        saved(alice, scheduleId="nap_nightly")
    with pytest.raises(Conflict):
        schedules.delete(actor=alice, key="nap_nightly")


def test_a_faulty_schedule_in_a_document_is_found_with_its_place(alice: User) -> None:
    document = greeting(triggers=[{"type": "schedule", "cron": "0 0 30 2 *", "input": {"name": 7}}])
    definitions.save(actor=alice, document=document)
    with pytest.raises(Unprocessable) as caught:
        definitions.publish(actor=alice, workflow_id="greeting")
    assert {each.pointer for each in caught.value.violations} == {"/triggers/0/cron", "/triggers/0/input/name"}


# Many at once


@pytest.mark.django_db(transaction=True)
def test_four_that_fire_at_once_fire_each_slot_once(alice: User, worker: Worker) -> None:
    published(errand(), worker_task())
    for n in range(60):
        saved(
            alice, "errand", scheduleId=f"errand-{n}", input={"n": n}, interval="PT10S", overlap="ALLOW", catchUp="ALL"
        )
    pass_time(25)
    barrier = threading.Barrier(4)
    failures: list[Exception] = []

    def fire() -> None:
        try:
            barrier.wait(10)
            for _ in range(3):
                firing.fire_due()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=fire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    firing.fire_due()
    assert not failures
    assert ScheduleFire.objects.filter(decision="STARTED").count() == WorkflowInstance.objects.count() == 120
    assert WorkflowInstance.objects.values("trigger_event_id").distinct().count() == 120


@pytest.mark.django_db(transaction=True)
def test_a_schedule_that_somebody_is_changing_is_left_for_the_next_look(alice: User) -> None:
    published(nap())
    saved(alice)
    pass_time(3_600)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Schedule.objects.select_for_update().get()
            held.set()
            let_go.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    assert firing.fire_due() == 0
    let_go.set()
    holder.join(10)
    assert firing.fire_due() == 1


def test_the_number_of_statements_does_not_grow_with_the_number_of_schedules(
    alice: User, django_assert_max_num_queries: Any
) -> None:
    published(nap())
    counts = []
    for many in (2, 40):
        for n in range(many):
            saved(alice, scheduleId=f"s{many}-{n}")
        pass_time(3_600)
        with django_assert_max_num_queries(60) as captured:
            firing.fire_due()
        counts.append(len(captured))
        Schedule.objects.all().delete()
    assert counts[0] == counts[1]
