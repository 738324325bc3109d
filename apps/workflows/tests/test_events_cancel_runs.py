"""A run subscribes to the events that would cancel it: with its first step, until its end, as its version says."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.events.tests.factories import new_event, recorded
from apps.tasks.runtime.outcomes import deliver
from apps.validation.schemas import check_document
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.models import Subscription, WorkflowInstance
from apps.workflows.orchestrator import inbox
from apps.workflows.orchestrator.wave import Signal
from apps.workflows.selectors.instances import explanation
from apps.workflows.services import definitions, instances, migration, steering
from apps.workflows.services.dry_run import dry_run
from apps.workflows.subscribers.runs import RUNS
from apps.workflows.tests.factories import flow, nap, published, started
from apps.workflows.tests.live import advance, fresh
from apps.workflows.tests.test_events_wake_runs import happens
from apps.workflows.tests.test_what_an_advance_costs import counted_statements

pytestmark = pytest.mark.django_db

TAKEN_BACK = {
    "eventPattern": "orders.cancelled",
    "eventCondition": "event.payload.order == input.order && event.payload.step == vars.step",
    "reason": "Order ${input.order} was taken back",
}


def cancellable(*triggers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return nap(cancellationTriggers=list(triggers or (TAKEN_BACK,)), variables={"step": {"initial": 1}}) | more


def rows(run: WorkflowInstance) -> list[tuple[str, str]]:
    found = Subscription.objects.filter(instance_id=run.id, purpose="cancel").order_by("created_at", "id")
    return list(found.values_list("event_pattern", "status"))


def cancelled(event_id: str = "e-1", order: Any = 1, **more: Any) -> Any:
    return new_event(event_id, "orders.cancelled", {"order": order, "step": 1} | more)


def test_it_is_found_by_what_stays_the_same_throughout_the_run(alice: User, api: Any) -> None:
    schema = {"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}
    definitions.save(actor=alice, document=cancellable(inputSchema=schema))
    definitions.publish(actor=alice, workflow_id="nap")
    run = started(alice, "nap", {"order": 1})
    [shown] = api(alice).get("/api/v1/workflows/subscriptions?purpose=cancel").json()["items"]
    assert check_document("subscription", shown) == []
    assert (shown["purpose"], shown["waitStepId"], shown["status"]) == ("cancel", None, "active")
    assert shown["correlation"] == {"payload.order": 1}
    happens(cancelled(order=2), cancelled("e-2", step=7))
    assert fresh(run).status == "RUNNING"
    happens(cancelled("e-3"))
    assert fresh(run).status == "CANCELLED"
    assert fresh(run).cancellation["reason"] == "Order 1 was taken back"
    assert rows(run) == [("orders.cancelled", "fulfilled")]


def test_its_end_ends_them(alice: User) -> None:
    published(cancellable(TAKEN_BACK, {"eventPattern": "shop.closed"}))
    run = started(alice, "nap", {"order": 1})
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    assert rows(run) == [("orders.cancelled", "cancelled"), ("shop.closed", "cancelled")]


def test_a_run_that_is_over_at_once_has_none(alice: User) -> None:
    published(flow({"stepId": "done", "type": "END"}, cancellationTriggers=[{"eventPattern": "shop.closed"}]))
    run = started(alice, "flow")
    assert (run.status, rows(run)) == ("COMPLETED", [])


def test_one_that_is_retried_subscribes_again(alice: User) -> None:
    published(cancellable())
    run = started(alice, "nap", {"order": 1})
    happens(cancelled())
    steering.retry(actor=alice, instance_id=run.id)
    assert rows(run) == [("orders.cancelled", "fulfilled"), ("orders.cancelled", "active")]
    happens(cancelled("e-2"))
    assert fresh(run).status == "CANCELLED"


def test_another_version_brings_its_own(alice: User) -> None:
    published(cancellable())
    published(cancellable({"eventPattern": "shop.closed"}, version="2.0.0"))
    run = started(alice, "nap", {"order": 1}, version="1.0.0")
    [match] = RUNS.find(recorded(cancelled("e-1")))
    migration.migrate(actor=alice, instance_id=run.id, version="2.0.0", mapping={})
    assert rows(run) == [("orders.cancelled", "cancelled"), ("shop.closed", "active")]
    RUNS.handle([match])  # was found before, and comes after
    advance()
    assert fresh(run).status == "RUNNING"
    happens(new_event("e-2", "shop.closed"))
    assert fresh(run).status == "CANCELLED"


def test_a_wait_whose_condition_is_another_in_the_new_version_is_found_by_it(alice: User) -> None:
    wait = {
        "stepId": "wait",
        "type": "EVENT_WAIT",
        "eventPattern": "a.b",
        "eventCondition": "event.payload.x == input.x",
    }
    published(flow(wait))
    published(flow(wait | {"eventCondition": "event.payload.y == input.x"}, version="2.0.0"))
    run = started(alice, "flow", {"x": 1}, version="1.0.0")
    migration.migrate(actor=alice, instance_id=run.id, version="2.0.0", mapping={})
    happens(new_event("e-1", "a.b", {"y": 1}))
    assert fresh(run).status == "COMPLETED"


def test_a_run_that_the_engine_gives_up_waits_for_nothing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    published(cancellable())
    run = started(alice, "nap", {"order": 1})
    monkeypatch.setattr("apps.workflows.orchestrator.wave.decide", lambda *_: 1 / 0)
    inbox.post([(run.id, Signal(SignalKind.EVENT, run.id, {}))])
    advance()
    assert fresh(run).error["code"] == "ENGINE_DEFECT"
    assert rows(run) == [("orders.cancelled", "cancelled")]


def test_a_workflow_without_them_pays_no_statement(alice: User) -> None:
    counts = []
    for document in (nap(), cancellable(workflowId="more")):
        published(document)
        started(alice, document["workflowId"], {"order": 1})
        run = started(alice, document["workflowId"], {"order": 1})
        inbox.post([(run.id, Signal(SignalKind.CANCEL, None, {"reason": "x"}))])
        with transaction.atomic(), counted_statements() as statements:
            deliver([], pump=10)
        assert fresh(run).status == "CANCELLED"
        counts.append(sum("workflows_subscription" in each for each in statements))
    assert counts == [0, 1]


def test_people_are_told(alice: User) -> None:
    published(cancellable(TAKEN_BACK | {"shouldCompensate": True}, {"eventPattern": "shop.closed"}))
    run = started(alice, "nap", {"order": 1})
    told = [each["sentence"] for each in explanation(run)["cancelledBy"]]
    assert told == [
        f"Would be cancelled by an event orders.cancelled for which {TAKEN_BACK['eventCondition']}, and its work undone.",
        "Would be cancelled by an event shop.closed.",
    ]
    document = nap(cancellationTriggers=[{"eventPattern": "shop.closed"}])
    tried = dry_run(actor=alice, document=document, start_input={}, mocks=[])
    assert [each["sentence"] for each in tried["effects"]["cancelledBy"]] == told[1:]
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    assert explanation(fresh(run))["cancelledBy"] == []
