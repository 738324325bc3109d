"""Events in a real browser: one begins a run, one moves it, one ends it; the stream shows them as they come."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.support.api import Api
from tests.support.processes import Platform
from tests.support.waiting import eventually

from .person import Person

LIVE_WITHIN = 8_000


@pytest.fixture(scope="module")
def alice_api(platform: Platform) -> Api:
    return Api(platform.address, "alice")


@pytest.fixture
def customer() -> str:
    return f"CUST-{uuid4().hex[:8]}"


def tell(alice: Api, pattern: str, payload: dict[str, Any]) -> str:
    answer = alice.call("POST", "events", {"pattern": pattern, "payload": payload}).expect(202)
    return str(answer["events"][0]["eventId"])


def created(alice: Api, customer: str, account: str = "enterprise") -> str:
    about = {"name": "Example Works", "accountType": account, "contactEmail": "ada@example.org"}
    return tell(alice, "customers.created", {"customerId": customer, **about})


def runs(alice: Api, customer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = alice.get(
        f"workflows/instances?workflowId=customer-onboarding&correlationId={customer}"
    )["items"]
    return found


def the_run(alice: Api, customer: str) -> str:
    eventually(lambda: len(runs(alice, customer)) == 1)
    return str(runs(alice, customer)[0]["id"])


def status(alice: Api, run_id: str) -> str:
    return str(alice.get(f"workflows/instances/{run_id}")["status"])


def test_an_event_begins_a_run_and_its_story_leads_there(
    person: Callable[..., Person], alice_api: Api, customer: str
) -> None:
    alice = person("alice")
    page = alice.page
    page.goto("/events?pattern=customers.**")
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=LIVE_WITHIN)
    event_id = created(alice_api, customer)
    page.get_by_role("button", name="1 new event").click(timeout=LIVE_WITHIN)
    row = page.locator(f"[data-event='{event_id}']")
    expect(row).to_be_visible(timeout=LIVE_WITHIN)
    run_id = the_run(alice_api, customer)

    page.goto(f"/events/{event_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer created")
    story = page.get_by_role("region", name="Story")
    story.get_by_role("link", name=re.compile("run|Customer onboarding", re.IGNORECASE)).first.click()
    expect(page).to_have_url(re.compile(rf"/instances/{run_id}|/events/triggers/"))
    assert alice.complaints == []


def test_what_one_awaits_goes_on_with_the_event_of_its_own_customer_only(
    person: Callable[..., Person], alice_api: Api, customer: str
) -> None:
    created(alice_api, customer)
    run_id = the_run(alice_api, customer)
    eventually(lambda: status(alice_api, run_id) == "WAITING_FOR_EVENT")
    alice = person("alice")
    page = alice.page
    page.goto(f"/instances/{run_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting")
    tell(alice_api, "customers.confirmed", {"customerId": f"{customer}-other", "signedBy": "Somebody else"})
    tell(alice_api, "customers.confirmed", {"customerId": customer, "signedBy": "Ada Example"})
    expect(page.get_by_text("Set the credit limit").first).to_be_visible(timeout=LIVE_WITHIN)

    bob = Api(alice_api.host if alice_api.host.startswith("http") else f"http://{alice_api.host}", "bob")
    [task] = [each for each in bob.get("tasks?box=group")["items"] if each["workflowInstanceId"] == run_id]
    bob.call("POST", f"tasks/{task['id']}/claim").expect(200)
    bob.call("POST", f"tasks/{task['id']}/complete", {"action": "accept", "output": {"creditLimit": 9_000}}).expect(200)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Completed", timeout=LIVE_WITHIN)

    def told() -> bool:
        found = alice_api.get(f"events?pattern=customers.onboarded&correlationId={customer}")["items"]
        return [each["payload"] for each in found] == [{"customerId": customer, "creditLimit": 9_000}]

    eventually(told)

    def in_time() -> bool:
        found = alice_api.get(f"events/sequences/onboarding_in_time/runs?key={customer}")["items"]
        return [each["status"] for each in found] == ["completed"]

    eventually(in_time)
    assert alice.complaints == []


def test_a_customer_who_goes_away_ends_the_run(alice_api: Api, customer: str) -> None:
    created(alice_api, customer)
    run_id = the_run(alice_api, customer)
    eventually(lambda: status(alice_api, run_id) == "WAITING_FOR_EVENT")
    event_id = tell(alice_api, "customers.closed", {"customerId": customer, "reason": "Went elsewhere"})
    eventually(lambda: status(alice_api, run_id) == "CANCELLED")
    cancellation = alice_api.get(f"workflows/instances/{run_id}")["cancellation"]
    assert (cancellation["source"], cancellation["eventId"]) == ("EVENT", event_id)
    assert cancellation["reason"] == "The customer was closed: Went elsewhere"


def test_a_private_customer_begins_nothing_and_the_same_event_twice_begins_one_run(
    alice_api: Api, customer: str
) -> None:
    private = f"{customer}-p"
    created(alice_api, private, account="private")
    event = {
        "eventId": f"again-{customer}",
        "pattern": "customers.created",
        "payload": {
            "customerId": customer,
            "name": "Example Works",
            "accountType": "enterprise",
            "contactEmail": "ada@example.org",
        },
    }
    assert alice_api.call("POST", "events", event).expect(202)["duplicates"] == 0
    assert alice_api.call("POST", "events", event).expect(202)["duplicates"] == 1
    the_run(alice_api, customer)
    assert runs(alice_api, private) == []
