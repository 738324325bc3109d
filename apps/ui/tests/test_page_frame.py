"""What surrounds every page: built files, theme, navigation, palette, figures of the start page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import Cast, UserFactory
from apps.events.tests.factories import EventDefinitionFactory
from apps.ui import assets
from apps.ui.tests.reading import links, text_of
from apps.workflows.models import WorkflowInstance
from apps.workflows.tests.factories import approval, greeting, published, started

Browse = Callable[[User | None], Client]


def test_an_entry_brings_its_styles_and_preloads_once() -> None:
    entry = assets.entry("src/main.ts")
    assert entry.script == "/static/dist/assets/main-1.js"
    assert entry.styles == ("/static/dist/assets/main-2.css", "/static/dist/assets/shared-4.css")
    assert entry.preloads == ("/static/dist/assets/shared-3.js",)


def test_a_missing_build_says_what_to_run(settings: LazySettings, tmp_path: Path) -> None:
    settings.VITE_MANIFEST = tmp_path / "none" / "manifest.json"
    with pytest.raises(ImproperlyConfigured, match="npm run build"):
        assets.entry("src/main.ts")


def test_an_unknown_entry_or_icon_is_an_error_not_a_hole() -> None:
    with pytest.raises(ImproperlyConfigured, match="no entry"):
        assets.entry("src/other.ts")
    with pytest.raises(ImproperlyConfigured, match=r"icons\.json"):
        assets.icon("no-such-icon")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cookie", "attribute"),
    [("dark", 'data-theme="augmented-dark"'), ("light", 'data-theme="augmented"'), ('"><script>', None), ("", None)],
)
def test_the_theme_comes_from_the_cookie(client: Client, cookie: str, attribute: str | None) -> None:
    client.cookies["theme"] = cookie
    body = client.get("/login").content.decode()
    assert ("data-theme=" in body.split(">")[1]) is (attribute is not None)
    assert attribute is None or attribute in body


@pytest.mark.django_db
def test_pages_run_no_inline_code(alice: User, browse: Browse) -> None:
    for path in ("/", "/workflows", "/instances", "/tasks", "/events", "/events/definitions"):
        body = browse(alice).get(path).content.decode()
        assert body.count("<script") == body.count('<script type="module" src=')
        assert "<style" not in body
        assert " onclick=" not in body
        assert "hx-on" not in body


def test_the_navigation_leads_only_where_one_may_go(cast: Cast, browse: Browse) -> None:
    places = {"/tasks", "/workflows", "/instances"}
    assert places & set(links(browse(cast.alice).get("/"))) == places
    assert places & set(links(browse(cast.bob).get("/"))) == {"/tasks", "/instances"}
    assert places & set(links(browse(cast.charlie).get("/"))) == set()


def test_the_tabs_about_events_lead_only_where_one_may_go(cast: Cast, browse: Browse) -> None:
    def tabs(user: User) -> dict[str, bool]:
        body = browse(user).get("/events/definitions").content.decode()
        nav = body.partition('aria-label="About events">')[2].partition("</nav>")[0]
        return {href: bool(here) for href, here in re.findall(r'<a href="([^"]*)"( aria-current="page")?', nav)}

    seen = tabs(cast.alice)
    assert (seen["/events"], seen["/events/definitions"]) == (False, True)
    reader = UserFactory(permissions=["view:event"])
    assert "/events/queues" not in tabs(reader)
    assert "/events" in links(browse(reader).get("/"))
    assert "/events" not in links(browse(cast.bob).get("/"))


def test_who_may_nothing_is_told_so(cast: Cast, browse: Browse) -> None:
    assert "Nothing is open to you yet" in text_of(browse(cast.charlie).get("/"))


def test_the_palette_offers_what_one_may_open(cast: Cast, browse: Browse) -> None:
    published(greeting())
    EventDefinitionFactory()
    labels = {
        name: [entry["label"] for entry in browse(user).get("/palette").json()["entries"]]
        for name, user in (("alice", cast.alice), ("bob", cast.bob))
    }
    offered = {"Greeting", "Start Greeting", "Workflows", "Events", "Events: Definitions", "Order shipped"}
    assert offered <= set(labels["alice"])
    assert not offered & set(labels["bob"])


def test_the_start_page_counts_what_one_may_see(cast: Cast, browse: Browse) -> None:
    published(approval())
    first, second, _ = (started(cast.alice, "approval") for _ in range(3))
    WorkflowInstance.objects.filter(pk=second.pk).update(status="FAILED", completed_at=first.started_at)
    text = text_of(browse(cast.alice).get("/"))
    assert "Running 2 3 started in the last day" in text
    assert "Waiting for people 2" in text
    assert "Failed 1" in text
    assert "1 run failed and may need you." in text
    assert "3 in the group" in text_of(browse(cast.bob).get("/"))


def test_the_start_page_asks_the_database_a_bounded_number_of_times(
    cast: Cast, browse: Browse, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    published(approval())
    for _ in range(12):
        started(cast.alice, "approval")
    client = browse(cast.alice)
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        client.get("/")
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        client.get("/instances")
