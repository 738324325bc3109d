"""A running platform and people with browsers: real web, beat, worker and example processes, a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest
from django.conf import settings
from playwright.sync_api import Browser, sync_playwright

from augmented.launcher import browser as chromium
from augmented.launcher.places import ROOT
from tests.support.databases import own_database
from tests.support.processes import Platform, free_port, wait_until_listening

from .person import Person

FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":  # type: ignore[attr-defined]
        item.stash[FAILED] = report.failed  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform with its examples, the services they call, and two worker processes."""
    port = free_port()
    with (
        own_database(settings.DATABASE_URL) as database_url,
        Platform(
            tmp_path_factory.mktemp("platform"),
            database_url,
            _other_redis(settings.REDIS_URL),
            AUGMENTED_EGRESS_ALLOW=f"127.0.0.1:{port}",
        ) as platform,
    ):
        platform.start_examples(port)
        platform.prepare(examples=f"http://127.0.0.1:{port}")
        platform.start_beat(wait=False)
        worker = platform.start_worker(wait=False)
        platform.start_web()
        platform.wait_for_worker(worker)
        wait_until_listening(port)
        yield platform


def _other_redis(url: str) -> str:
    """Another database of the same Redis: tests in this process ring doorbells that these workers must not answer."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        number = int(parse_qs(parts.query).get("db", ["0"])[0])
        return f"unix://{parts.path}?db={(number + 1) % 16}"  # urlunsplit writes `unix:/…`, which redis-py refuses
    number = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{(number + 1) % 16}"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module's tests. Not for the session: Playwright's event loop would be in the way of others'."""
    found = dict(os.environ) if "AUGMENTED_CHROMIUM" in os.environ else {**os.environ, **chromium.environment()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYWRIGHT_NODEJS_PATH", found["PLAYWRIGHT_NODEJS_PATH"])
        libraries = found.get("AUGMENTED_CHROMIUM_LIBRARIES")
        with sync_playwright() as playwright:
            launched = playwright.chromium.launch(
                executable_path=found["AUGMENTED_CHROMIUM"],
                args=found["AUGMENTED_CHROMIUM_FLAGS"].split(),
                env={**found, **({"LD_LIBRARY_PATH": libraries} if libraries else {})},
            )
            yield launched
            launched.close()


@pytest.fixture
def person(platform: Platform, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Person]]:
    """`person("alice")`: alice in a browser of her own, signed in. A failed test leaves her screen in var/screenshots/."""
    people: list[Person] = []

    def enter(name: str, *, width: int = 1440) -> Person:
        people.append(Person(browser, platform.address, name, width=width))
        people[-1].sign_in()
        return people[-1]

    yield enter
    if request.node.stash.get(FAILED, True):
        for number, each in enumerate(people):
            each.screenshot(ROOT / "var" / "screenshots" / f"{request.node.name}-{number}-{each.name}.png")
    for each in people:
        each.leave()
