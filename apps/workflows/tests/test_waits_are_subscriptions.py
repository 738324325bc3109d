"""What a run waits for is a row from the moment it waits, and is closed in the transaction that ends the wait."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from apps.auth.models import User
from apps.auth.tests.factories import Cast, UserFactory
from apps.validation.problems import Unprocessable
from apps.validation.schemas import check_document
from apps.workflows.models import Subscription, Timer
from apps.workflows.services import definitions, instances, migration
from apps.workflows.services.preview import preview
from apps.workflows.tests.factories import flow, published, started
from apps.workflows.tests.live import advance, fresh, now, pass_time

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows/subscriptions"


def waiting(step: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Waits a day at most for its order to be paid."""
    wait = {
        "stepId": "wait",
        "type": "EVENT_WAIT",
        "eventPattern": "orders.paid",
        "eventCondition": "event.payload.orderId == workflow.input.orderId && event.payload.amount > 0",
        "eventTimeout": {"duration": "P1D", "timeoutHandlerStepId": "late"},
        "lookback": "PT10M",
        "next": "done",
    }
    return flow(
        wait | (step or {}),
        {"stepId": "done", "type": "END"},
        {"stepId": "late", "type": "END", "status": "FAILED"},
        **more,
    )


def test_everything_about_the_wait_stands_in_the_row(alice: User, api: Any) -> None:
    definitions.save(actor=alice, document=waiting())
    definitions.publish(actor=alice, workflow_id="flow")  # lookback is accepted
    run = started(alice, "flow", {"orderId": "A-7"})
    [shown] = api(alice).get(HERE).json()["items"]
    assert check_document("subscription", shown) == []
    assert parse_datetime(shown.pop("timeoutAt")) == Timer.objects.get().due_at
    del shown["id"], shown["createdAt"]
    assert shown == {
        "workflowInstanceId": str(run.id),
        "purpose": "wait",
        "waitStepId": "wait",
        "eventPattern": "orders.paid",
        "filterCondition": "event.payload.orderId == workflow.input.orderId && event.payload.amount > 0",
        "correlation": {"payload.orderId": "A-7"},
        "lookback": "PT10M",
        "status": "active",
        "timeoutHandlerStepId": "late",
        "closedAt": None,
        "fulfilledAt": None,
        "fulfilledByEventId": None,
    }


def test_an_event_that_the_condition_takes_fulfils_it(alice: User, api: Any) -> None:
    published(waiting())
    run = started(alice, "flow", {"orderId": 7})
    instances.signal(actor=alice, instance_id=run.id, name="orders.paid", payload={"orderId": 7, "amount": 1})
    [shown] = api(alice).get(HERE).json()["items"]
    assert shown["status"] == "fulfilled"
    assert shown["fulfilledByEventId"]
    assert parse_datetime(shown["fulfilledAt"]) == now()


def test_one_that_nobody_fulfils_expires(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"orderId": 7})
    pass_time(86_401)
    advance()
    assert fresh(run).status == "FAILED"
    row = Subscription.objects.get()
    assert (row.status, row.fulfilled_by_event_id) == ("expired", None)


def test_it_is_cancelled_with_its_run(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"orderId": 7})
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    assert Subscription.objects.get().status == "cancelled"


def test_it_is_cancelled_with_the_branch_that_lost(alice: User) -> None:
    wait = {"stepId": "wait", "type": "EVENT_WAIT", "eventPattern": "a.b"}
    branches = [
        {"name": "event", "steps": [wait]},
        {"name": "time", "steps": [{"stepId": "sleep", "type": "DELAY", "duration": "PT1M"}]},
    ]
    published(flow({"stepId": "p", "type": "PARALLEL", "join": "ANY", "branches": branches}))
    run = started(alice, "flow")
    pass_time(61)
    advance()
    assert fresh(run).status == "COMPLETED"
    assert Subscription.objects.get().status == "cancelled"


def test_a_wait_that_is_tried_again_is_a_subscription_of_its_own(alice: User) -> None:
    policy = {"maxAttempts": 2, "delay": "PT1M", "retryableErrors": ["EVENT_TIMED_OUT"]}
    published(waiting({"eventTimeout": {"duration": "PT1H"}, "retryPolicy": policy}))
    run = started(alice, "flow", {"orderId": 7})
    pass_time(3_601)
    advance()
    assert list(Subscription.objects.values_list("status", flat=True)) == ["expired"]
    pass_time(61)
    advance()
    assert sorted(Subscription.objects.values_list("status", flat=True)) == ["active", "expired"]
    instances.signal(actor=alice, instance_id=run.id, name="orders.paid", payload={"orderId": 7, "amount": 1})
    assert fresh(run).status == "COMPLETED"
    assert sorted(Subscription.objects.values_list("status", flat=True)) == ["expired", "fulfilled"]


def test_an_event_that_breaks_the_payload_mapping_ends_the_wait_with_the_step(alice: User) -> None:
    published(waiting({"eventPayloadMapping": {"total": "${event.payload.total}"}}))
    run = started(alice, "flow", {"orderId": 7})
    instances.signal(actor=alice, instance_id=run.id, name="orders.paid", payload={"orderId": 7, "amount": 1})
    assert fresh(run).status == "FAILED"
    assert Subscription.objects.get().status == "cancelled"
    assert not Timer.objects.exists()


def test_a_signal_that_the_condition_cannot_judge_is_refused_and_changes_nothing(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"orderId": 7})
    with pytest.raises(Unprocessable) as caught:
        instances.signal(actor=alice, instance_id=run.id, name="orders.paid", payload={"orderId": 7, "amount": "much"})
    assert [each.pointer for each in caught.value.violations] == ["/payload"]
    assert (fresh(run).status, fresh(run).seq) == ("WAITING_FOR_EVENT", run.seq)
    assert Subscription.objects.get().status == "active"
    foreseen = preview(
        actor=alice,
        instance_id=run.id,
        operation="signal",
        arguments={"name": "orders.paid", "payload": {"orderId": 7, "amount": "much"}},
    )
    assert not foreseen["allowed"]


def test_what_cannot_be_known_beforehand_is_left_out_of_the_correlation(alice: User) -> None:
    published(waiting({"eventCondition": "event.payload.a == input.missing && event.payload.b == 1 + 1"}))
    started(alice, "flow", {})
    assert Subscription.objects.get().correlation == {"payload.b": 2}


def test_while_the_run_rests_the_wait_has_no_end_and_then_a_later_one(alice: User) -> None:
    published(waiting())
    run = started(alice, "flow", {"orderId": 7})
    instances.suspend(actor=alice, instance_id=run.id, reason="x")
    row = Subscription.objects.get()
    assert (row.status, row.timeout_at) == ("active", None)
    instances.resume(actor=alice, instance_id=run.id, reason="")
    assert Subscription.objects.get().timeout_at == Timer.objects.get().due_at


def test_it_follows_its_step_to_another_version(alice: User) -> None:
    published(waiting())
    published(waiting({"stepId": "await"}, version="2.0.0", startAt="await"))
    run = started(alice, "flow", {"orderId": 7}, version="1.0.0")
    migration.migrate(actor=alice, instance_id=run.id, version="2.0.0", mapping={"wait": "await"})
    assert Subscription.objects.get().wait_step_id == "await"


def test_the_list_is_filtered(alice: User, api: Any) -> None:
    published(waiting())
    one, two = (started(alice, "flow", {"orderId": n}) for n in (1, 2))
    instances.cancel(actor=alice, instance_id=two.id, reason="x")
    client = api(alice)

    def runs(query: str) -> list[str]:
        return [each["workflowInstanceId"] for each in client.get(f"{HERE}?{query}").json()["items"]]

    assert runs("status=active") == [str(one.id)]
    assert len(runs("status=active&status=cancelled")) == 2
    assert runs(f"workflowInstanceId={two.id}") == [str(two.id)]
    assert runs("eventPattern=orders.shipped") == []
    assert len(runs("eventPattern=orders.paid&waitStepId=wait")) == 2
    assert client.get(f"{HERE}?workflowInstanceId=x").status_code == 400
    assert client.get(f"{HERE}?eventPattern=%00").status_code == 400


def test_people_see_the_subscriptions_of_the_runs_that_they_see(cast: Cast, api: Any) -> None:
    published(waiting())
    robot = UserFactory(username="robot", roles=["service"])
    mine = started(robot, "flow", {"orderId": 1})
    started(cast.alice, "flow", {"orderId": 2})
    assert [each["workflowInstanceId"] for each in api(robot).get(HERE).json()["items"]] == [str(mine.id)]
    assert len(api(cast.alice).get(HERE).json()["items"]) == 2
    assert api(cast.charlie).get(HERE).json()["items"] == []
    assert api(None).get(HERE).status_code == 401
