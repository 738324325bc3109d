"""Every page, light and dark, on a desk and on a phone: nothing in the console, nothing wider than the screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.support.api import Api
from tests.support.processes import Platform
from tests.support.waiting import eventually

from .person import Person

BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"
PURCHASE = {"item": "A laptop", "amount": 3_000, "currency": "EUR", "costCenter": "engineering"}


@dataclass(frozen=True)
class Scene:
    """Runs, a task and a dead letter to look at."""

    waiting: str
    done: str
    failed: str
    task: str
    letter: str


@pytest.fixture(scope="module")
def scene(platform: Platform) -> Scene:
    alice, bob = Api(platform.address, "alice"), Api(platform.address, "bob")

    def start(workflow: str, start_input: dict[str, object]) -> str:
        body = {"workflowId": workflow, "input": start_input}
        return str(alice.call("POST", "workflows/instances?wait=20", body).expect(201, 202)["id"])

    waiting = start("purchase-approval", PURCHASE)
    done = start("purchase-approval", PURCHASE | {"amount": 5})
    broken = {"kind": "workflow", "workflowId": "broken", "name": "Broken on purpose", "version": "1.0.0"}
    steps = [{"stepId": "sum", "type": "TRANSFORM", "output": "${input.a / input.b}"}]
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    }
    alice.call("PUT", "workflows/definitions/broken", broken | {"steps": steps, "inputSchema": schema}).expect(200, 201)
    alice.call("POST", "workflows/definitions/broken/publish", {}).expect(200, 409)
    failed = start("broken", {"a": 1, "b": 0})
    for version, step_id in (("1.0.0", "rest"), ("1.1.0", "pause")):
        pause = {"workflowId": "pause", "name": "Pause", "version": version}
        steps = [{"stepId": step_id, "name": "Rest", "type": "DELAY", "duration": "P1D"}]
        alice.call("PUT", "workflows/definitions/pause", pause | {"steps": steps}).expect(200, 201, 409)
        alice.call("POST", "workflows/definitions/pause/publish", {"version": version}).expect(200)
    alice.call("POST", "workflows/instances", {"workflowId": "pause", "version": "1.0.0"}).expect(202)
    nightly = {"workflowId": "purchase-approval", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "input": PURCHASE}
    alice.call("PUT", "workflows/schedules/nightly", nightly).expect(200, 201)
    trigger = {
        "workflowId": "purchase-approval",
        "eventPattern": "orders.placed",
        "eventCondition": "event.payload.big",
    }
    alice.call("PUT", "workflows/triggers/orders", trigger).expect(200, 201)
    alice.call("PUT", "events/queues/imports", {"patterns": ["imports.**"]}).expect(200, 201)
    alice.call("POST", "events", {"pattern": "orders.placed", "payload": {"big": "who knows"}}).expect(202)
    letters = eventually(lambda: alice.get("events/dead-letters?pattern=orders.placed")["items"])
    hook = {"webhookId": "door", "path": "door", "auth": {"kind": "none"}}
    alice.call("PUT", "webhooks/door", hook).expect(200, 201)
    posted = {
        "url": "https://partner.example/events",
        "eventPatterns": ["orders.**"],
        "eventCondition": "event.payload.big",
    }
    alice.call("PUT", "webhooks/subscriptions/partner", posted).expect(200, 201)
    tasks = eventually(lambda: [t for t in bob.get("tasks?box=group")["items"] if t["workflowInstanceId"] == waiting])
    return Scene(waiting, done, failed, tasks[0]["id"], letters[0]["id"])


PAGES = {
    "home": ("alice", lambda scene: "/"),
    "workflows": ("alice", lambda scene: "/workflows"),
    "workflows, none found": ("alice", lambda scene: "/workflows?search=nothing-like-it"),
    "one workflow": ("alice", lambda scene: "/workflows/order-processing"),
    "one workflow with branches": ("alice", lambda scene: "/workflows/vendor-checks"),
    "versions compared": ("alice", lambda scene: "/workflows/pause/compare?from=1.0.0&to=1.1.0"),
    "dry run": ("alice", lambda scene: "/workflows/order-processing/dry-run"),
    "dry run with another workflow": ("alice", lambda scene: "/workflows/return-goods/dry-run"),
    "import": ("alice", lambda scene: "/import"),
    "start form": ("alice", lambda scene: "/workflows/purchase-approval?start"),
    "runs": ("alice", lambda scene: "/instances"),
    "run that waits": ("alice", lambda scene: f"/instances/{scene.waiting}"),
    "run that is done": ("alice", lambda scene: f"/instances/{scene.done}"),
    "run as it was": ("alice", lambda scene: f"/instances/{scene.done}?at=3"),
    "run that failed": ("alice", lambda scene: f"/instances/{scene.failed}"),
    "triggers": ("alice", lambda scene: "/events/triggers"),
    "triggers, none found": ("alice", lambda scene: "/events/triggers?search=nothing-like-it"),
    "one trigger": ("alice", lambda scene: "/events/triggers/orders"),
    "trigger form": ("alice", lambda scene: "/events/triggers?new&workflow=purchase-approval"),
    "trying an event": ("alice", lambda scene: "/events/triggers/test?pattern=orders.placed"),
    "queues": ("alice", lambda scene: "/events/queues"),
    "queue form": ("alice", lambda scene: "/events/queues?new"),
    "one queue": ("alice", lambda scene: "/events/queues/imports"),
    "dead letters": ("alice", lambda scene: "/events/dead-letters"),
    "dead letters, none found": ("alice", lambda scene: "/events/dead-letters?search=nothing-like-it"),
    "one dead letter": ("alice", lambda scene: f"/events/dead-letters/{scene.letter}"),
    "webhooks in": ("alice", lambda scene: "/events/webhooks"),
    "webhooks out": ("alice", lambda scene: "/events/webhooks?tab=out"),
    "one webhook": ("alice", lambda scene: "/events/webhooks/in/door"),
    "one webhook subscription": ("alice", lambda scene: "/events/webhooks/out/partner"),
    "webhook form": ("alice", lambda scene: "/events/webhooks?new"),
    "webhook subscription form": ("alice", lambda scene: "/events/webhooks?tab=out&new"),
    "schedules": ("alice", lambda scene: "/schedules"),
    "schedules, none found": ("alice", lambda scene: "/schedules?search=nothing-like-it"),
    "one schedule": ("alice", lambda scene: "/schedules/nightly"),
    "schedule form": ("alice", lambda scene: "/schedules?new"),
    "inbox": ("bob", lambda scene: "/tasks?box=group"),
    "inbox, empty": ("bob", lambda scene: "/tasks?box=overdue"),
    "one task": ("bob", lambda scene: f"/tasks/{scene.task}"),
    "home of a manager": ("bob", lambda scene: "/"),
    "home without rights": ("charlie", lambda scene: "/"),
}


@pytest.mark.parametrize("width", [1440, 380])
def test_every_page_renders_without_complaint_and_fits_the_screen(
    person: Callable[..., Person], scene: Scene, width: int
) -> None:
    wrong = []
    people: dict[str, Person] = {}
    for name, (who, address) in PAGES.items():
        if who not in people:
            people[who] = person(who, width=width)
        visitor = people[who]
        visitor.complaints.clear()
        visitor.page.goto(address(scene))
        settle(visitor.page)
        wrong += [f"{name}: {found}" for found in (*visitor.complaints, *looks_wrong(visitor.page))]
    assert wrong == []


def looks_wrong(page: Page) -> Iterator[str]:
    """What one sees amiss in either theme."""
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        try:  # colours change gradually
            eventually(lambda dark=theme == "dark": is_dark(page, page.evaluate(BACKGROUND)) == dark, within=3)
        except AssertionError:
            yield f"background {page.evaluate(BACKGROUND)} in the {theme} theme"
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 0:
            yield f"{overflow} px wider than the screen in the {theme} theme"


def settle(page: Page) -> None:
    """Wait until every island has drawn itself and no request is under way."""
    expect(page.get_by_role("main")).to_be_visible()
    # Asked from outside: a function inside the page would be eval, which our own policy forbids.
    drawn = "[...document.querySelectorAll('[data-island]')].every((each) => each.childElementCount > 0)"
    eventually(lambda: page.evaluate(drawn), what=f"every island of {page.url} is drawn")
    page.wait_for_load_state("networkidle")


def is_dark(page: Page, colour: str) -> bool:
    """Whether a CSS colour of any notation is nearer to black than to white."""
    light = page.evaluate(
        """(colour) => {
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 1;
          const pen = canvas.getContext("2d");
          pen.fillStyle = colour;
          pen.fillRect(0, 0, 1, 1);
          return Math.max(...pen.getImageData(0, 0, 1, 1).data.slice(0, 3));
        }""",
        colour,
    )
    return bool(light < 128)


def test_the_sign_in_page_is_sound_and_keeps_the_theme_that_was_chosen(person: Callable[..., Person]) -> None:
    visitor = person("alice")
    page = visitor.page
    page.get_by_role("button", name="Dark").first.click()
    expect(page.locator("html")).to_have_attribute("data-theme", re.compile("dark"))
    page.reload()
    assert is_dark(page, page.evaluate(BACKGROUND))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert is_dark(page, page.evaluate(BACKGROUND))
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_a_page_that_one_may_not_see_says_so(person: Callable[..., Person], scene: Scene) -> None:
    charlie, bob = person("charlie").page, person("bob").page
    for page, address, status in (
        (charlie, "/workflows", 403),
        (charlie, f"/instances/{scene.done}", 403),
        (charlie, f"/tasks/{scene.task}", 403),
        (bob, "/workflows", 403),
        (bob, f"/instances/{scene.done}", 404),
        (bob, "/nowhere", 404),
    ):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == status, address
        expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_first_tab_leads_to_the_content_and_shows_where_one_is(person: Callable[..., Person]) -> None:
    page = person("alice").page
    page.goto("/workflows")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
