"""Keyset pages: complete, stable while rows come and go, in any order, with honest errors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from apps.auth.models import User

pytestmark = [pytest.mark.urls("apps.validation.tests.edge"), pytest.mark.django_db]


@pytest.fixture
def get(alice: User, client: Client) -> Any:
    return lambda url: client.get(url, headers={"X-Test-User": alice.username})


@pytest.fixture
def groups(db: None) -> list[str]:
    names = [f"page-{n:02}" for n in range(11)]
    Group.objects.bulk_create([Group(name=name) for name in names])
    return names


def flat(pages: Iterable[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(pages))


def walk(get: Any, url: str | None, field: str, link: str = "next") -> list[list[Any]]:
    pages = []
    while url:
        answer = get(url)
        assert answer.status_code == 200, answer.content
        pages.append([item[field] for item in answer.json()["items"]])
        url = answer.json()[link]
    return pages


def test_following_next_gives_everything_once(get: Any, groups: list[str]) -> None:
    pages = walk(get, "/groups/list?limit=4", "name")
    assert [len(page) for page in pages] == [4, 4, 3]
    assert flat(pages) == groups


def test_previous_leads_back(get: Any, groups: list[str]) -> None:
    first = get("/groups/list?limit=4").json()
    assert first["previous"] is None
    second = get(first["next"]).json()
    third = get(second["next"]).json()
    assert third["next"] is None
    back = get(third["previous"]).json()
    assert back["items"] == second["items"]
    assert get(back["previous"]).json()["items"] == first["items"]
    assert get(back["next"]).json()["items"] == third["items"]


def test_rows_that_come_and_go_shift_nothing(get: Any, groups: list[str]) -> None:
    first = get("/groups/list?limit=4").json()
    Group.objects.create(name="page-000")
    Group.objects.filter(name="page-03").delete()
    rest = walk(get, first["next"], "name")
    assert flat(rest) == groups[4:]


@pytest.mark.parametrize(
    "ordering", ["lastLogin", "-lastLogin", "-lastLogin,username", "last_login,-username", "fullName,-lastLogin"]
)
def test_nulls_and_ties_are_neither_lost_nor_doubled(get: Any, db: None, ordering: str) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for n in range(12):
        login = None if n % 3 == 0 else noon + timedelta(minutes=n // 4)
        User.objects.create(username=f"page-{n:02}", email=f"p{n}@example.com", full_name=f"N{n % 2}", last_login=login)
    url = f"/users/list?limit=5&ordering={ordering}"
    whole = get(f"/users/list?limit=100&ordering={ordering}").json()["items"]
    names = [item["username"] for item in whole]
    assert len(set(names)) == 12
    if "ogin" in ordering.split(",")[0]:
        assert [item["last_login"] for item in whole[-4:]] == [None] * 4
    pages = walk(get, url, "username")
    assert flat(pages) == names
    last = url
    while following := get(last).json()["next"]:
        last = following
    assert flat(reversed(walk(get, last, "username", "previous"))) == names


def test_links_keep_the_other_parameters(get: Any, groups: list[str]) -> None:
    link = get("/groups/list?limit=2&search=a%26b&ordering=-name").json()["next"]
    assert "search=a%26b" in link and "ordering=-name" in link and link.startswith("http://testserver/groups/list?")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=٣",
        "limit=99999999999",
        "cursor=x",
        "cursor=%00",
        "cursor=W10",
        "ordering=password",
        "ordering=name,",
    ],
)
def test_bad_parameter_is_400(get: Any, query: str) -> None:
    answer = get(f"/groups/list?{query}")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


def test_cursor_of_another_order_is_400(get: Any, groups: list[str]) -> None:
    link = get("/groups/list?limit=2").json()["next"]
    answer = get(link + "&ordering=-name")
    assert (answer.status_code, answer.json()["type"]) == (400, "https://augmented-os.dev/problems/bad-cursor")


def test_limit_is_capped(get: Any, groups: list[str]) -> None:
    assert len(get("/groups/list?limit=100000").json()["items"]) == len(groups)


def test_empty_list_has_no_links(get: Any) -> None:
    assert get("/groups/list").json() == {"items": [], "next": None, "previous": None}


def test_order_of_the_queryset_counts_where_the_view_has_none(get: Any, groups: list[str]) -> None:
    assert flat(walk(get, "/groups/newest?limit=4", "name")) == groups[::-1]
