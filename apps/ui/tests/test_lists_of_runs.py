from __future__ import annotations

import html
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import Cast, UserFactory
from apps.ui.tests.reading import links, text_of
from apps.workflows.models import WorkflowInstance
from apps.workflows.tests.factories import approval, greeting, published, started

Browse = Callable[[User | None], Client]


@pytest.fixture
def three(alice: User) -> dict[str, WorkflowInstance]:
    published(greeting())
    published(approval())
    return {
        "done": started(alice, "greeting", {"name": "Ann"}, correlation_id="G-1"),
        "open": started(alice, "approval", correlation_id="A-1"),
        "other": started(alice, "approval", correlation_id="A-2"),
    }


def shown(client: Client, **query: str) -> set[str]:
    text = text_of(client.get("/instances", query))
    return {name for name in ("G-1", "A-1", "A-2") if name in text}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"G-1", "A-1", "A-2"}),
        ({"status": "COMPLETED"}, {"G-1"}),
        ({"status": "open"}, {"A-1", "A-2"}),
        ({"workflow": "approval"}, {"A-1", "A-2"}),
        ({"search": "A-2"}, {"A-2"}),
        ({"status": "open", "workflow": "greeting"}, set()),
        ({"from": "2001-01-01", "to": "2002-01-01"}, set()),
        ({"from": "2001-01-01"}, {"G-1", "A-1", "A-2"}),
        ({"from": "0001-01-01", "to": "9999-12-31"}, {"G-1", "A-1", "A-2"}),
        ({"status": "NONSENSE", "from": "yesterday", "after": "!!", "before": "AAAA"}, {"G-1", "A-1", "A-2"}),
    ],
)
def test_filters_stand_in_the_url(
    three: object, alice: User, browse: Browse, query: dict[str, str], expected: set[str]
) -> None:
    assert shown(browse(alice), **query) == expected


def test_a_day_belongs_to_its_period_whole(three: dict[str, WorkflowInstance], alice: User, browse: Browse) -> None:
    late = datetime(2026, 3, 5, 23, 59, 59, tzinfo=UTC)
    WorkflowInstance.objects.filter(pk=three["done"].pk).update(started_at=late)
    assert shown(browse(alice), **{"from": "2026-03-05", "to": "2026-03-05"}) == {"G-1"}
    assert shown(browse(alice), **{"from": "2026-03-06", "to": "2026-03-06"}) == set()


def test_a_run_is_found_by_its_id(three: dict[str, WorkflowInstance], alice: User, browse: Browse) -> None:
    assert shown(browse(alice), search=str(three["open"].pk)) == {"A-1"}


def test_no_match_and_nothing_at_all_say_different_things(alice: User, browse: Browse) -> None:
    assert "Nothing has run yet" in text_of(browse(alice).get("/instances"))
    assert "No run fits these filters" in text_of(browse(alice).get("/instances", {"search": "zzz"}))


def test_one_sees_only_ones_own_runs_without_the_right_to_all(three: object, browse: Browse) -> None:
    assert shown(browse(UserFactory(roles=["user"]))) == set()


def test_pages_lead_through_all_runs_and_back_keeping_the_filters(alice: User, browse: Browse) -> None:
    published(approval())
    runs = [started(alice, "approval", correlation_id=f"R-{number:02}") for number in range(55)]
    # Five at one and the same moment, across the border of a page: the id decides.
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for number, run in enumerate(runs):
        equal = 20 if 20 <= number <= 34 else number
        WorkflowInstance.objects.filter(pk=run.pk).update(started_at=moment + timedelta(minutes=equal))
    client = browse(alice)

    def page(path: str) -> list[str]:
        text = text_of(client.get(path))
        return [f"R-{number:02}" for number in range(55) if f"R-{number:02}" in text]

    def follow(path: str, word: str) -> str | None:
        found = [href for href in links(client.get(path)) if f"{word}=" in href]
        assert all("status=open" in href for href in found)
        return f"/instances{found[0]}" if found else None

    first = "/instances?status=open"
    second = follow(first, "after")
    assert second is not None
    third = follow(second, "after")
    assert third is not None
    assert follow(third, "after") is None
    seen = page(first) + page(second) + page(third)
    assert len(seen) == 55
    assert len(set(seen)) == 55
    back = follow(third, "before")
    assert back is not None
    assert page(back) == page(second)
    assert follow(first, "before") is None


@pytest.mark.django_db
def test_runs_are_chosen_by_those_who_may_steer_with_the_filter_in_the_words_of_the_api(
    cast: Cast, browse: Browse
) -> None:
    published(approval())
    run = started(cast.alice, "approval")
    page = browse(cast.alice).get("/instances", {"status": "open", "workflow": "approval", "from": "2026-01-02"})
    content = page.content.decode()
    assert f'data-run="{run.id}"' in content
    given = json.loads(html.unescape(content.split('data-filter="')[1].split('"')[0]))
    assert given["workflowId"] == "approval"
    assert "SUSPENDED" in given["status"]
    assert given["startedAfter"].startswith("2026-01-02T00:00:00")
    assert set(given) == {"status", "workflowId", "startedAfter"}
    assert 'data-island="bulk"' in content
    bob = browse(cast.bob).get("/instances").content.decode()
    assert "data-select" not in bob
    assert 'data-island="bulk"' not in bob
