"""Steering in a real browser: a failed run is retried with other input, many runs are dealt with at once, the past is seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.api import Api
from tests.support.processes import Platform
from tests.support.waiting import eventually

from .person import Person

LIVE_WITHIN = 5_000
TASK = {
    "kind": "task",
    "taskId": "double_it",
    "name": "Double it",
    "version": "1.0.0",
    "type": "AUTOMATED",
    "executionConfig": {"executor": "worker"},
    "inputSchema": {
        "type": "object",
        "properties": {"n": {"type": "integer", "title": "Number"}},
        "required": ["n"],
        "additionalProperties": False,
    },
    "implementation": {
        "kind": "EXPRESSION",
        "parameters": {
            "output": {"n": "${input.n * 2}"},
            "fail": {"condition": "input.n > 1000", "code": "TOO_MUCH", "message": "That is too much."},
        },
    },
}
WORKFLOW = {
    "kind": "workflow",
    "workflowId": "doubling",
    "name": "Doubling",
    "version": "1.0.0",
    "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    "steps": [
        {"stepId": "double", "name": "Double", "taskId": "double_it", "input": {"n": "${input.n}"}, "next": "rest"},
        {"stepId": "rest", "name": "Rest", "type": "DELAY", "duration": "PT1S", "next": "done"},
        {"stepId": "done", "name": "Done", "type": "END", "output": {"n": "${steps.double.output.n}"}},
    ],
}


@pytest.fixture(scope="module")
def alice_api(platform: Platform) -> Api:
    alice = Api(platform.address, "alice")
    for path, document in (("tasks", TASK), ("workflows", WORKFLOW)):
        key = document.get("taskId", document.get("workflowId"))
        alice.call("PUT", f"{path}/definitions/{key}", document).expect(200, 201)
        alice.call("POST", f"{path}/definitions/{key}/publish", {}).expect(200, 409)
    return alice


def failed_run(alice: Api, **more: Any) -> str:
    body = {"workflowId": "doubling", "input": {"n": 5_000}, **more}
    run_id = str(alice.call("POST", "workflows/instances?wait=20", body).expect(201, 202)["id"])
    eventually(lambda: alice.get(f"workflows/instances/{run_id}")["status"] == "FAILED")
    return run_id


def test_a_failed_run_is_retried_from_its_step_with_edited_input_and_completes_live(
    person: Callable[..., Person], alice_api: Api
) -> None:
    run_id = failed_run(alice_api)
    alice = person("alice")
    page = alice.page
    page.goto(f"/instances/{run_id}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Failed")
    expect(page.get_by_text("That is too much.").first).to_be_visible()
    page.evaluate("window.stillTheSamePage = true")

    page.get_by_role("button", name="Retry", exact=True).click()
    dialog = page.get_by_role("dialog", name="Retry this run")
    expect(dialog.get_by_label("Begin at")).to_have_value("")
    expect(dialog.get_by_role("region", name="What will happen")).to_be_visible()
    dialog.get_by_label("Edit the step's input").check()
    dialog.get_by_label("Number").fill("21")
    dialog.get_by_label("Reason").fill("The number was mistyped.")
    dialog.get_by_role("button", name="Retry run").click()

    expect(dialog).to_have_count(0)
    expect(heading).to_contain_text("Completed", timeout=LIVE_WITHIN)
    assert page.evaluate("window.stillTheSamePage") is True
    run = alice_api.get(f"workflows/instances/{run_id}")
    assert run["output"] == {"n": 42}
    assert alice.complaints == []

    # And it can be seen as it was when it had failed.
    page.get_by_role("tab", name="History").click()
    entries = alice_api.get(f"workflows/instances/{run_id}/history")["items"]
    failed_at = next(each["seq"] for each in entries if each["type"] == "INSTANCE_FAILED")
    page.get_by_role("button", name=f"See the run as it was after entry {failed_at}", exact=True).click()
    expect(heading).to_contain_text("Failed")
    expect(page).to_have_url(re.compile(rf"at={failed_at}$"))
    page.get_by_role("slider", name="Point of the history").press("ArrowRight")
    expect(heading).to_contain_text("Running")
    page.get_by_role("button", name="Back to live").click()
    expect(heading).to_contain_text("Completed")
    expect(page).to_have_url(re.compile(rf"/instances/{run_id}$"))
    assert alice.complaints == []


def test_failed_runs_are_chosen_by_keys_and_retried_together(person: Callable[..., Person], alice_api: Api) -> None:
    for _ in range(2):
        failed_run(alice_api)
    alice = person("alice")
    page = alice.page
    page.goto("/instances?workflow=doubling&status=FAILED")
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    bar = page.get_by_role("region", name="Chosen runs")
    expect(bar).to_contain_text("2 selected", timeout=15_000)
    bar.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog", name="Retry these runs")
    expect(dialog.get_by_role("region", name="What will happen")).to_contain_text("2")
    dialog.get_by_role("button", name="Retry runs").click()
    expect(page.get_by_text("2 of 2 runs retried.")).to_be_visible(timeout=15_000)
    assert alice.complaints == []


def test_a_workflow_is_tried_out_and_nothing_happens(person: Callable[..., Person], alice_api: Api) -> None:
    before = len(alice_api.get("workflows/instances?workflowId=doubling")["items"])
    alice = person("alice")
    page = alice.page
    page.goto("/workflows/doubling")
    page.get_by_role("link", name="Dry run").click()
    page.get_by_role("spinbutton", name="n").fill("4")
    page.get_by_role("button", name="Dry run").click()
    outcome = page.get_by_role("region", name="What would happen")
    expect(outcome.get_by_role("status").first).to_contain_text("It would end after 1 s")
    expect(outcome.get_by_role("list", name="Steps over time")).to_contain_text("Double")
    assert len(alice_api.get("workflows/instances?workflowId=doubling")["items"]) == before
    assert alice.complaints == []


def test_chosen_runs_are_migrated_together_with_the_suggested_mapping(
    person: Callable[..., Person], alice_api: Api
) -> None:
    for version, step_id in (("1.0.0", "rest"), ("1.1.0", "pause")):
        pause = {"workflowId": "pausing", "name": "Pausing", "version": version}
        steps = [{"stepId": step_id, "name": "Rest", "type": "DELAY", "duration": "P1D"}]
        alice_api.call("PUT", "workflows/definitions/pausing", pause | {"steps": steps}).expect(200, 201)
        alice_api.call("POST", "workflows/definitions/pausing/publish", {"version": version}).expect(200)
    begun = alice_api.call("POST", "workflows/instances", {"workflowId": "pausing", "version": "1.0.0"})
    run_id = begun.expect(202)["id"]
    eventually(lambda: alice_api.get(f"workflows/instances/{run_id}")["status"] == "RUNNING")
    alice = person("alice")
    page = alice.page
    page.goto("/instances?workflow=pausing")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("region", name="Chosen runs").get_by_role("button", name="Migrate").click(timeout=15_000)
    dialog = page.get_by_role("dialog", name="Migrate these runs")
    expect(dialog).to_contain_text("What stands at rest stands at pause then.")
    expect(dialog.get_by_role("region", name="What will happen")).to_contain_text("1 run")
    dialog.get_by_label("Reason").fill("Everybody goes on with the new one.")
    dialog.get_by_role("button", name="Migrate runs").click()
    expect(page.get_by_text(re.compile("1 of 1 runs? migrated"))).to_be_visible(timeout=15_000)
    assert alice_api.get(f"workflows/instances/{run_id}")["definitionVersion"] == "1.1.0"
    assert alice.complaints == []


def test_the_history_of_a_long_run_is_read_where_one_looks(person: Callable[..., Person], alice_api: Api) -> None:
    lines = [{"productId": f"PROD-{n:03}", "quantity": 1} for n in range(1, 201)]
    body = {"workflowId": "stock-reservation", "input": {"orderId": "ORD-20009", "lines": lines}}
    run_id = alice_api.call("POST", "workflows/instances?wait=20", body).expect(201, 202)["id"]
    eventually(lambda: alice_api.get(f"workflows/instances/{run_id}")["status"] == "COMPLETED", within=60)
    alice = person("alice")
    page = alice.page
    page.goto(f"/instances/{run_id}")
    bars = page.get_by_role("list", name="Steps over time")
    expect(bars).to_contain_text("200 of 200")
    assert bars.get_by_role("listitem").count() < 10
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="First", exact=True).click()
    entry = page.get_by_role("button", name="See the run as it was after entry 2", exact=True)
    expect(entry).to_be_visible()
    entry.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Running")
    assert alice.complaints == []
