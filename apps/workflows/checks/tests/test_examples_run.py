"""The examples do what they show: each sample input is played through the engine, against the example services."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from apps.tasks.executors.emissions import ON_COMPLETE, ON_FAILURE, compile_emissions
from apps.validation.expressions import compile_expression, compile_template
from apps.validation.schemas import check_instance
from apps.workflows.checks.tests.corpus import EXAMPLES
from apps.workflows.checks.tests.test_examples import load
from apps.workflows.engine.compile import compile_plan
from apps.workflows.engine.plan import ChildBinding, Plan, TaskBinding
from apps.workflows.engine.simulation import Asked, Mock, Simulation
from apps.workflows.engine.state import OpenHumanTask, RunTask, Signal, StartChild, execution_id
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.orchestrator.language import LANGUAGE
from examples.server.app import SERVICES
from examples.server.requests import Call

RUN = UUID("01890000-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
INPUT = frozenset({"input"})


class Bundle:
    """One example, ready to run. `decision`: what the person does who gets a task; `workflow`: which, if not its own."""

    def __init__(self, folder: Path, decision: dict[str, Any] | None = None, workflow: str | None = None) -> None:
        documents = [load(path) for path in folder.glob("*.json")]
        self.tasks = {each["taskId"]: each for each in documents if each["kind"] == "task"}
        self.events = {each["pattern"]: each for each in documents if each["kind"] == "event"}
        self.workflows = {each["workflowId"]: each for each in documents if each["kind"] == "workflow"}
        self.workflow = self.workflows[workflow or folder.name]
        self.decision = decision

    def plan(self) -> Plan:
        return compile_plan(
            self.workflow, definition_id=RUN, language=LANGUAGE, tasks=self.binding, children=self.child
        )

    def child(self, workflow_id: str, version: str | None) -> ChildBinding:
        schema = self.workflows[workflow_id]["inputSchema"]
        return ChildBinding(
            uuid5(RUN, workflow_id),
            workflow_id,
            "1.0.0",
            lambda value: [each.as_json() for each in check_instance(schema, value)],
        )

    def binding(self, task_id: str, version: str | None) -> TaskBinding:
        implementation = self.tasks[task_id]["implementation"]
        evaluate = computed(implementation["parameters"]) if implementation["kind"] == "EXPRESSION" else None
        return TaskBinding(
            definition_id=uuid5(RUN, task_id),
            task_id=task_id,
            evaluate=evaluate,
            on_complete=compile_emissions(self.tasks[task_id], ON_COMPLETE),
            on_failure=compile_emissions(self.tasks[task_id], ON_FAILURE),
        )

    def play(self, sample: Any) -> Simulation:
        plan = self.plan()

        def answer(asked: Asked) -> Mock:
            """The outside world are the example services."""
            assert asked.work is not None
            return self.answer(asked.work, plan)

        simulation = Simulation.begin(plan, instance_id=RUN, start_input=sample, now=NOW, answer=answer)
        simulation.run()
        assert simulation.unanswered == []
        return simulation

    def answer(self, work: RunTask | OpenHumanTask | StartChild, plan: Plan) -> Mock:
        assert not isinstance(work, StartChild), "its mocks stand in for it"
        if isinstance(work, OpenHumanTask):
            assert self.decision is not None, "nobody was expected to be asked"
            assert check_instance(work.manual["taskForm"], self.decision["output"]) == []
            return Mock(work.step_id, self.decision["output"], self.decision["action"])
        task = plan.steps[work.step_id].task
        assert task is not None
        document = self.tasks[task.task_id]
        assert [each.as_json() for each in check_instance(document["inputSchema"], work.input)] == []
        endpoint = compile_template(document["implementation"]["endpoint"], roots=INPUT).evaluate({"input": work.input})
        service = SERVICES[endpoint.removeprefix("http://127.0.0.1:8900/")]
        answer = asyncio.run(service(Call(work.input, 2, work.step_id)))
        if answer.status >= 400:
            return Mock(work.step_id, error={"code": answer.body["code"], "message": answer.body["message"]})
        assert [each.as_json() for each in check_instance(document["outputSchema"], answer.body)] == []
        return Mock(work.step_id, answer.body, answer.body.get("outcome"))


def computed(parameters: dict[str, Any]) -> Any:
    output = compile_template(parameters["output"], roots=INPUT)
    outcome = compile_expression(parameters["outcome"], roots=INPUT)
    return lambda value: (output.evaluate({"input": value}), outcome.evaluate({"input": value}))


def ran(bundle: Bundle, sample: str) -> Simulation:
    """Play a sample input; the run completes, and what it gives fits what the definitions promise."""
    folder = EXAMPLES / bundle.workflow["workflowId"]
    simulation = bundle.play(load(folder / "inputs" / f"{sample}.json"))
    instance = simulation.memory.instance
    assert instance.status == "COMPLETED", instance.error
    assert [each.as_json() for each in check_instance(bundle.workflow["outputSchema"], instance.output)] == []
    for event in simulation.memory.events.values():
        assert check_instance(bundle.events[event.pattern]["payloadSchema"], event.payload) == []
    return simulation


def events_of(simulation: Simulation) -> list[tuple[str, Any]]:
    return [(event.pattern, event.payload) for event in simulation.memory.events.values()]


@pytest.mark.parametrize(
    ("sample", "status", "path"),
    [
        ("happy", "SHIPPED", ["validate_order", "process_payment", "ship_order", "notify_customer_success"]),
        ("flaky-payment", "SHIPPED", ["validate_order", "process_payment", "ship_order", "notify_customer_success"]),
        ("invalid", "INVALID", ["validate_order", "notify_customer_invalid_order"]),
        ("payment-failed", "PAYMENT_FAILED", ["validate_order", "process_payment", "notify_customer_payment_failed"]),
    ],
)
def test_an_order_takes_the_path_of_its_sample(sample: str, status: str, path: list[str]) -> None:
    simulation = ran(Bundle(EXAMPLES / "order-processing"), sample)
    assert simulation.path == path
    output = simulation.memory.instance.output
    assert output["status"] == status
    assert (output["shipmentId"] is not None) == (status == "SHIPPED")
    told = events_of(simulation)
    assert [payload["status"] for pattern, payload in told if pattern == "orders.processed"] == [status]
    booked = [payload["shipmentId"] for pattern, payload in told if pattern == "shipments.booked"]
    assert booked == ([output["shipmentId"]] if status == "SHIPPED" else [])


def test_a_shipment_that_cannot_be_booked_gives_the_money_back() -> None:
    bundle = Bundle(EXAMPLES / "order-processing")
    sample = load(EXAMPLES / "order-processing" / "inputs" / "happy.json")
    simulation = Simulation.begin(
        bundle.plan(),
        instance_id=RUN,
        start_input=sample,
        now=NOW,
        mocks=[
            Mock("validate_order", {"outcome": "VALIDATED", "orderId": "o", "itemCount": 1, "problems": []}),
            Mock("process_payment", {"paymentId": "PAY-1", "amount": 99.99, "currency": "USD", "status": "PAID"}),
            Mock("ship_order", error={"code": "NO_CARRIER"}),
            Mock("refund_payment", {"refundId": "REF-1"}),
        ],
    )
    simulation.run()
    assert simulation.memory.instance.status == "FAILED"
    assert simulation.path[-1] == "refund_payment"
    [refund] = [each for each in simulation.memory.executions.values() if each.step_id == "refund_payment"]
    assert refund.status == "COMPLETED"


def test_a_small_purchase_is_approved_without_asking() -> None:
    simulation = ran(Bundle(EXAMPLES / "purchase-approval"), "automatic")
    assert "manager_approval" not in simulation.path
    [(pattern, payload)] = events_of(simulation)
    assert (pattern, payload["amount"], payload["autoApproved"]) == ("purchase.approved", 350, True)
    assert payload["requestId"] == str(RUN)


@pytest.mark.parametrize(
    ("action", "form", "pattern", "amount"),
    [
        ("approve", {"comment": "Take the cheaper one.", "approvedAmount": 1200}, "purchase.approved", 1200),
        ("approve", {}, "purchase.approved", 1500),
        ("reject", {"comment": "No budget left."}, "purchase.rejected", 0),
    ],
)
def test_a_manager_decides_on_a_large_purchase(action: str, form: dict[str, Any], pattern: str, amount: float) -> None:
    bundle = Bundle(EXAMPLES / "purchase-approval", {"action": action, "output": form})
    simulation = ran(bundle, "manager")
    output = simulation.memory.instance.output
    assert (output["approved"], output["autoApproved"]) == (action == "approve", False)
    assert (output["approvedAmount"], output["comment"]) == (amount, form.get("comment"))
    assert [name for name, _ in events_of(simulation)] == [pattern]


@pytest.mark.parametrize(
    ("sample", "risk", "accepted"), [("accepted", "LOW", True), ("weak", "HIGH", True), ("blocked", "BLOCKED", False)]
)
def test_a_vendor_is_checked_from_all_sides(sample: str, risk: str, accepted: bool) -> None:
    simulation = ran(Bundle(EXAMPLES / "vendor-checks"), sample)
    output = simulation.memory.instance.output
    assert (output["risk"], output["accepted"]) == (risk, accepted)
    assert (output["quote"] is not None) == accepted
    assert [payload["risk"] for _, payload in events_of(simulation)] == [risk]


@pytest.mark.parametrize(
    ("sample", "status", "reserved", "missing"),
    [
        ("all", "RESERVED", 3, []),
        ("partial", "PARTIAL", 2, [1, 3]),
        ("sold-out", "RELEASED", 0, [1]),
        ("many", "PARTIAL", 195, [39, 79, 119, 159, 199]),
    ],
)
def test_the_lines_of_an_order_are_reserved_one_by_one(
    sample: str, status: str, reserved: int, missing: list[int]
) -> None:
    simulation = ran(Bundle(EXAMPLES / "stock-reservation"), sample)
    output = simulation.memory.instance.output
    assert (output["status"], len(output["reserved"]), output["missing"]) == (status, reserved, missing)
    assert simulation.path.count("release") == (1 if status == "RELEASED" else 0)
    assert [payload["missing"] for _, payload in events_of(simulation)] == [missing]


@pytest.mark.parametrize(
    ("condition", "refund", "status"),
    [
        ("as-new", Mock("refund-payment", {"refundId": "REF-1", "amount": 49.9}), "REFUNDED"),
        ("as-new", Mock("refund-payment", error={"code": "END_FAILED"}), "REFUSED"),
        ("damaged", Mock("refund-payment"), "REFUSED"),
        (None, Mock("refund-payment"), "NOT_RECEIVED"),
    ],
)
def test_a_return_waits_for_its_parcel_and_another_workflow_refunds_it(
    condition: str | None, refund: Mock, status: str
) -> None:
    bundle = Bundle(EXAMPLES / "return-goods")
    sample = load(EXAMPLES / "return-goods" / "inputs" / "small.json")
    simulation = Simulation.begin(bundle.plan(), instance_id=RUN, start_input=sample, now=NOW, mocks=[refund])
    if condition is not None:
        wait = execution_id(simulation.memory.instance, "", "await_parcel", 1)
        for order_id in ("ORD-9", sample["orderId"]):
            event = {"pattern": "parcels.received", "payload": {"orderId": order_id, "condition": condition}}
            simulation.at(NOW + timedelta(days=3), Signal(SignalKind.EVENT, wait, {"event": event}))
    simulation.run()
    instance = simulation.memory.instance
    assert (instance.status, instance.output["status"]) == ("COMPLETED", status)
    assert check_instance(bundle.workflow["outputSchema"], instance.output) == []


@pytest.mark.parametrize(
    ("sample", "action", "status"),
    [("small", None, "COMPLETED"), ("large", "approve", "COMPLETED"), ("large", "reject", "FAILED")],
)
def test_a_refund_asks_a_manager_where_it_is_much(sample: str, action: str | None, status: str) -> None:
    folder = EXAMPLES / "return-goods"
    decision = None if action is None else {"action": action, "output": {}}
    bundle = Bundle(folder, decision, "refund-payment")
    given = load(folder / "inputs" / f"{sample}.json")
    asked = {"paymentId": given["paymentId"], "amount": given["amount"], "reason": "x"}
    assert bundle.play(asked).memory.instance.status == status
