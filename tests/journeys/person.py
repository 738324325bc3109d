"""Somebody at a browser: a context of their own, and everything that the browser complained about."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Error, Response, expect

PASSWORD = "augmented"
_HEIGHTS = {1440: 900, 380: 800}

# What a page of ours must not do; each is noted, and the test that looks at the page asks for the list.
_WATCH = """
addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""


class Person:
    """One member of the demo cast and their page."""

    def __init__(self, browser: Browser, address: str, name: str, *, width: int) -> None:
        self.name = name
        self.address = address
        self.context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": _HEIGHTS[width]},
            color_scheme="light",
            reduced_motion="reduce",
            locale="en-GB",
        )
        self.context.add_init_script(_WATCH)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def sign_in(self) -> None:
        page = self.page
        page.goto("/sign-in")
        page.get_by_label("Name").fill(self.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_label("Password")).to_have_count(0)

    def screenshot(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(Error):  # the page may be what broke
            self.page.screenshot(path=place, full_page=True)

    def leave(self) -> None:
        with suppress(Error):
            self.context.close()
