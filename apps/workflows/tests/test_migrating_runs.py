"""Moving runs to another version: what is asked before, what moves with them, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.tasks.models import Task
from apps.workflows.engine.history import fold
from apps.workflows.models import HistoryRecord, StepExecution, WorkflowInstance
from apps.workflows.services import instances
from apps.workflows.tests.factories import (
    NAME_SCHEMA,
    WorkflowDefinitionFactory,
    approval,
    flow,
    nap,
    published,
    started,
)
from apps.workflows.tests.live import Outside, fresh

pytestmark = pytest.mark.django_db
HERE = "/api/v1/workflows"
REST: dict[str, Any] = {"stepId": "rest", "type": "DELAY", "duration": "PT1H", "next": "end"}
END: dict[str, Any] = {"stepId": "end", "type": "END"}


@pytest.fixture
def client(api: Any, alice: User) -> APIClient:
    return api(alice)


def verdict(client: APIClient, workflow_id: str, query: str = "from=1.0.0&to=2.0.0") -> Any:
    return client.get(f"{HERE}/definitions/{workflow_id}/verdict?{query}").json()


def migrate(client: APIClient, run: WorkflowInstance, **body: Any) -> Any:
    return client.post(f"{HERE}/instances/{run.id}/migrate", {"version": "2.0.0"} | body)


def renamed_approval() -> dict[str, Any]:
    document = approval(version="2.0.0")
    document["steps"][0]["stepId"] = "decide"
    return document


def test_the_verdict_counts_the_runs_at_each_position_and_suggests_where_they_go(
    client: APIClient, alice: User
) -> None:
    published(approval())
    published(renamed_approval())
    for _ in range(3):
        started(alice, "approval", version="1.0.0")
    started(alice, "approval", version="2.0.0")
    found = verdict(client, "approval")
    assert (found["verdict"], found["mapping"]) == ("NEEDS_MAPPING", {"ask": "decide"})
    assert found["instances"] == {"COMPATIBLE": 0, "NEEDS_MAPPING": 3, "IMPOSSIBLE": 0}
    [position] = found["positions"]
    assert (position["stepId"], position["instances"], position["suggested"]) == ("ask", 3, "decide")
    mapped = verdict(client, "approval", "from=1.0.0&to=2.0.0&map=ask:decide")
    assert (mapped["verdict"], mapped["positions"][0]["instances"]) == ("COMPATIBLE", 3)


def test_a_verdict_may_be_had_on_a_draft(client: APIClient, alice: User) -> None:
    published(nap())
    WorkflowDefinitionFactory(
        document=nap(version="2.0.0", steps=[{"stepId": "x", "type": "TRANSFORM", "output": 1}]),
        status="draft", published_at=None,
    )  # fmt: skip
    started(alice, "nap")
    assert verdict(client, "nap")["verdict"] == "IMPOSSIBLE"


def test_a_verdict_asks_the_database_the_same_whatever_the_number_of_runs(client: APIClient, alice: User) -> None:
    published(nap())
    published(nap(version="2.0.0", duration="PT2H"))

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            verdict(client, "nap")
        return len(queries)

    started(alice, "nap", version="1.0.0")
    statements()
    few = statements()
    for _ in range(5):
        started(alice, "nap", version="1.0.0")
    assert statements() == few


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("to=2.0.0", 400),
        ("from=1.0.0&map=a", 400),
        ("from=1.0.0%00", 400),
        ("from=9.0.0", 404),
        ("from=1.0.0&to=9.0.0", 404),
        ("from=2.0.0&to=2.0.0", 422),
        ("from=1.0.0&to=2.0.0&map=nothing:decide", 422),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client: APIClient, query: str, status: int) -> None:
    published(approval())
    published(renamed_approval())
    assert client.get(f"{HERE}/definitions/approval/verdict?{query}").status_code == status


def test_a_run_goes_on_under_the_new_name_of_its_step(client: APIClient, alice: User) -> None:
    published(approval())
    published(renamed_approval())
    run = started(alice, "approval", version="1.0.0")
    refused = migrate(client, run)
    assert refused.status_code == 422
    [violation] = refused.json()["violations"]
    assert (violation["pointer"], violation["hint"]) == ("/mapping/ask", "Map it to decide.")
    assert migrate(client, run, mapping={"ask": "decide"}, reason="new names").status_code == 200
    task = Task.objects.get()
    assert task.step_id == "decide"
    Outside().answer(task, {}, "approve")
    assert (fresh(run).status, fresh(run).output) == ("COMPLETED", {"approved": True})
    audited = AuditEntry.objects.get(action="workflow.migrate")
    assert audited.details["reason"] == "new names"


def test_a_run_that_would_fail_further_on_is_not_moved(client: APIClient, alice: User) -> None:
    published(flow(REST, END))
    rate = {"stepId": "rate", "type": "TRANSFORM", "output": {"r": 1}, "next": "rest"}
    published(flow(rate, REST, END | {"output": "${steps.rate.output.r}"}, version="2.0.0"))
    run = started(alice, "flow", version="1.0.0")
    answer = migrate(client, run)
    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["violations"]] == ["result-missing"]
    assert fresh(run).definition_version == "1.0.0"


def test_new_variables_get_their_first_value_when_a_run_is_moved(client: APIClient, alice: User) -> None:
    published(flow(REST, END))
    variables = {"limit": {"initial": "${input.amount * 2}"}, "note": {}}
    published(flow(REST, END | {"output": "${vars.limit}"}, version="2.0.0", variables=variables))
    run = started(alice, "flow", {"amount": 4}, version="1.0.0")
    assert migrate(client, run).status_code == 200
    assert fresh(run).variables == {"limit": 8, "note": None}
    entries = [entry for record in HistoryRecord.objects.order_by("first_seq") for entry in record.entries]
    folded = fold(entries)
    assert (folded.variables, folded.seq) == ({"limit": 8, "note": None}, fresh(run).seq)


def test_a_first_value_that_cannot_be_computed_keeps_the_run_where_it_is(client: APIClient, alice: User) -> None:
    published(flow(REST, END))
    published(flow(REST, END, version="2.0.0", variables={"limit": {"initial": "${input.amount * 2}"}}))
    run = started(alice, "flow", version="1.0.0")
    answer = migrate(client, run)
    assert (answer.status_code, answer.json()["violations"][0]["code"]) == (422, "variable-unset")
    assert fresh(run).definition_version == "1.0.0"


def test_inputs_that_do_not_fit_matter_where_they_are_read(client: APIClient, alice: User) -> None:
    published(flow(REST, END))
    schema = NAME_SCHEMA | {"additionalProperties": True}
    published(flow(REST, END | {"output": "${input.name}"}, version="2.0.0", inputSchema=schema))
    started(alice, "flow", {"name": "Ada"}, version="1.0.0")
    without = started(alice, "flow", {}, version="1.0.0")
    found = verdict(client, "flow")
    assert found["instances"] == {"COMPATIBLE": 1, "NEEDS_MAPPING": 0, "IMPOSSIBLE": 1}
    assert "`name` is missing" in found["positions"][0]["message"]
    assert migrate(client, without).status_code == 422


def test_paths_side_by_side_stay_with_their_branches_when_these_change_places(client: APIClient, alice: User) -> None:
    def both(*names: str, version: str) -> dict[str, Any]:
        branches = [{"name": name, "steps": [REST | {"stepId": f"in-{name}", "next": None}]} for name in names]
        for branch in branches:
            del branch["steps"][0]["next"]  # type: ignore[attr-defined]
        fork = {"stepId": "both", "type": "PARALLEL", "branches": branches, "next": "end"}
        return flow(fork, END | {"output": "${steps.both.output}"}, version=version)

    published(both("left", "right", version="1.0.0"))
    published(both("right", "left", version="2.0.0"))
    run = started(alice, "flow", version="1.0.0")
    assert migrate(client, run).status_code == 200
    found = dict(StepExecution.objects.exclude(step_id="both").values_list("step_id", "branch"))
    assert found == {"in-left": 1, "in-right": 0}


def test_a_run_that_undoes_its_work_cannot_be_moved(client: APIClient, alice: User) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    run = started(alice, "nap", version="1.0.0")
    WorkflowInstance.objects.filter(id=run.id).update(status="COMPENSATING")
    assert verdict(client, "nap")["instances"]["IMPOSSIBLE"] == 1
    assert migrate(client, run).status_code == 409


def test_a_run_cannot_be_moved_to_where_it_is(client: APIClient, alice: User) -> None:
    published(nap())
    assert migrate(client, started(alice, "nap"), version="1.0.0").status_code == 409


def test_versions_show_how_many_runs_are_under_way_on_each(client: APIClient, alice: User) -> None:
    published(nap())
    published(nap(version="2.0.0"))
    gone = started(alice, "nap", version="1.0.0")
    started(alice, "nap", version="1.0.0")
    started(alice, "nap", version="2.0.0")
    instances.cancel(actor=alice, instance_id=gone.id, reason="x")
    rows = client.get(f"{HERE}/definitions/nap/versions").json()["items"]
    assert [(row["version"], row["running"], row["share"]) for row in rows] == [("2.0.0", 1, None), ("1.0.0", 1, None)]
