"""A purchase from its form to its end: alice asks and watches, bob decides."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.api import Api
from tests.support.processes import Platform

from .person import Person

SAYS_WHAT_IS_WRONG = re.compile("needed|required|missing|must|above|more than|greater", re.IGNORECASE)
LIVE_WITHIN = 5_000  # ms from the manager's click to the requester's screen


def test_a_manager_decides_in_the_inbox_and_the_requester_sees_the_run_finish_live(
    person: Callable[..., Person], platform: Platform
) -> None:
    alice, bob = person("alice"), person("bob")

    # Alice starts the purchase from its form.
    page = alice.page
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Workflows").click()
    page.get_by_role("link", name="Purchase approval", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    form = page.get_by_role("dialog", name="Start Purchase approval")
    form.get_by_label("What do you want to buy?").fill("A standing desk")
    form.get_by_label("Amount").fill("2500")
    form.get_by_label("Why is it needed?").fill("My back.")
    form.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile(r"/instances/[0-9a-f-]{36}$"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Purchase approval")
    expect(heading).to_contain_text("Running")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.evaluate("window.stillTheSamePage = true")

    # Bob finds it in his inbox and approves a part of it.
    desk = bob.page
    desk.get_by_role("navigation", name="Main").get_by_role("link", name="Tasks").click()
    desk.get_by_role("navigation", name="Boxes").get_by_role("link", name="Group").click()
    desk.get_by_role("link", name="Approve A standing desk").click()
    pane = desk.get_by_role("region", name="Task", exact=True)
    expect(pane.get_by_role("heading", level=1)).to_contain_text("Approve A standing desk for 2500 EUR")
    expect(pane.get_by_text("My back.").first).to_be_visible()
    pane.get_by_label("Approved amount").fill("2000")
    pane.get_by_label("Comment").first.fill("The smaller one will do.")
    pane.get_by_role("button", name="Approve", exact=True).click()

    # Alice's page, which nobody touched, tells her.
    expect(heading).to_contain_text("Completed", timeout=LIVE_WITHIN)
    assert page.evaluate("window.stillTheSamePage") is True
    expect(page.get_by_text("The smaller one will do.").first).to_be_visible()

    run = Api(platform.address, "alice").get(f"workflows/instances/{page.url.rpartition('/')[2]}")
    assert run["output"] == {
        "approved": True, "autoApproved": False, "approvedAmount": 2000, "comment": "The smaller one will do.",
    }  # fmt: skip
    assert run["state"]["steps"]["manager_approval"]["status"] == "COMPLETED"
    assert (alice.complaints, bob.complaints) == ([], [])


def test_the_form_says_what_is_wrong_before_anything_is_sent(person: Callable[..., Person]) -> None:
    page = person("alice").page
    page.goto("/workflows/purchase-approval?start")
    form = page.get_by_role("dialog", name="Start Purchase approval")
    form.get_by_label("Amount").fill("-5")
    form.get_by_role("button", name="Start run").click()
    expect(form.get_by_label("What do you want to buy?")).to_have_accessible_description(SAYS_WHAT_IS_WRONG)
    expect(form.get_by_label("Amount")).to_have_accessible_description(SAYS_WHAT_IS_WRONG)
    assert "/workflows/purchase-approval" in page.url


def test_a_small_purchase_needs_nobody(person: Callable[..., Person]) -> None:
    page = person("alice").page
    page.goto("/workflows/purchase-approval?start")
    form = page.get_by_role("dialog", name="Start Purchase approval")
    form.get_by_label("What do you want to buy?").fill("Pencils")
    form.get_by_label("Amount").fill("12.5")
    form.get_by_role("button", name="Start run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Completed")
    expect(page.get_by_text("Within the limit of 1000.").first).to_be_visible()
