"""A webhook from its form to a call: the admin makes it with a new key, another system calls, a run is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.api import Api
from tests.support.processes import Platform
from tests.support.waiting import eventually

from .person import Person


def test_a_webhook_made_on_its_page_is_called_with_its_own_example_and_starts_a_run(
    person: Callable[..., Person], platform: Platform
) -> None:
    admin, api = person("admin"), Api(platform.address, "admin")
    hello = {"workflowId": "hello", "name": "Hello", "version": "1.0.0"}
    steps = [{"stepId": "say", "type": "TRANSFORM", "output": {"order": "${input.order}"}}]
    api.call("PUT", "workflows/definitions/hello", hello | {"steps": steps}).expect(200, 201, 409)
    api.call("POST", "workflows/definitions/hello/publish", {}).expect(200, 409)

    page = admin.page
    page.goto("/events/webhooks")
    page.get_by_role("button", name="New webhook").first.click()
    form = page.get_by_role("dialog", name="New webhook")
    form.get_by_label("Name", exact=False).first.fill("Hello hook")
    form.get_by_label("Path").fill("hello")
    form.get_by_label("Signing key").select_option(label="New secret …")
    form.get_by_role("button", name="Store secret").click()
    secret = form.locator(".copy-line code").inner_text()
    form.get_by_role("button", name="I have it").click()
    form.get_by_label("Starts").select_option(label="Hello")
    form.get_by_label("Map the payload to the workflow’s input").check()
    form.get_by_label("The input").fill(json.dumps({"order": "${event.payload.id}"}))
    form.get_by_role("button", name="Create webhook").click()
    page.wait_for_url(re.compile(r"/events/webhooks/in/hello$"))

    # The other system does what the page shows, with the key that was shown once.
    sample = page.get_by_label("An example call").inner_text()
    environment = {"PATH": os.environ["PATH"], "SECRET": secret, "NO_PROXY": "*"}
    done = subprocess.run(
        ["bash", "-c", sample.replace("curl ", "curl -s ")],
        env=environment,
        capture_output=True,
        check=True,
        timeout=30,
    )
    event_id = json.loads(done.stdout)["eventId"]

    runs = eventually(lambda: api.get("workflows/instances?workflowId=hello")["items"])
    run = api.get(f"workflows/instances/{runs[0]['id']}")
    assert (run["triggerEventId"], run["input"]) == (event_id, {"order": "1001"})
    page.reload()
    expect(page.get_by_text("Accepted", exact=True)).to_be_visible()
    assert secret not in page.content()
    assert admin.complaints == []
