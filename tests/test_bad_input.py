"""Input that nobody should send, sent to every route that reads a body: always a problem document, never a 5xx."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.tests.factories import Cast
from tests import rights
from tests.rights import ROWS, Row, World

pytestmark = pytest.mark.django_db
READS_JSON = [row for row in ROWS if row.body is not None]
_DEEP = 70
UNREADABLE: dict[str, tuple[bytes, str | None]] = {
    "deeper than 64": (b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, None),
    "NaN": (b'{"a": {"b": NaN}}', "/a/b"),
    "Infinity": (b'{"a": [-Infinity]}', "/a/0"),
    "1e999": (b'{"a": 1e999}', "/a"),
    "an integer of 5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", "/a"),
    "a key twice": (b'{"a": {"b": 1, "b": 2}}', "/a"),
    "NUL in a value": (b'{"a": "x\\u0000y"}', "/a"),
    "NUL in a key": (b'{"a\\u0000": 1}', None),
    "half a surrogate pair": (b'{"a": "\\ud800"}', "/a"),
    "no UTF-8": (b'{"a": "\xff\xfe"}', None),
    "a comma too many": (b'{"a": 1,}', None),
    "cut off": (b'{"a": ', None),
}
NO_OBJECT = (b"[]", b"1", b'"text"', b"null", b"true", b"[[[]]]")


@pytest.fixture
def world(cast: Cast) -> World:
    return rights.make_world(cast)


@pytest.fixture
def client(cast: Cast) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(cast.admin)
    return client


def send(client: APIClient, row: Row, world: World, body: bytes, kind: str = "application/json", **more: Any) -> Any:
    return client.generic(row.method.upper(), world.address(row.route, "own") + row.query, body, kind, **more)


ANY_CONTENT = "hooks/"
"""What other systems call takes whatever they send: each content type has its own way to become an event."""


@pytest.mark.parametrize("row", READS_JSON, ids=lambda row: row.name)
def test_json_that_cannot_be_read_is_400_and_says_where(row: Row, world: World, client: APIClient) -> None:
    for name, (body, pointer) in UNREADABLE.items():
        answer = send(client, row, world, body)
        assert answer.status_code == 400, (name, answer.content)
        assert answer.headers["Content-Type"] == "application/problem+json"
        if pointer is not None:
            assert [each["pointer"] for each in answer.json()["violations"]] == [pointer], name


@pytest.mark.parametrize("row", READS_JSON, ids=lambda row: row.name)
def test_a_body_of_the_wrong_size_type_or_encoding_is_refused(row: Row, world: World, client: APIClient) -> None:
    large = b'{"a": "' + b"x" * 1_100_000 + b'"}'
    assert send(client, row, world, large).status_code == 413
    bomb = gzip.compress(b"[" + b"0," * 5_000_000 + b"0]")
    assert send(client, row, world, bomb, headers={"Content-Encoding": "gzip"}).status_code in (413, 415)
    for kind in (
        ()
        if row.route.startswith(ANY_CONTENT)
        else (
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        )
    ):
        assert send(client, row, world, b"{}", kind).status_code == 415, kind


@pytest.mark.parametrize(
    "row", [row for row in READS_JSON if not row.route.startswith(ANY_CONTENT)], ids=lambda row: row.name
)
def test_a_body_that_is_no_object_is_refused(row: Row, world: World, client: APIClient) -> None:
    for body in NO_OBJECT:
        answer = send(client, row, world, body)
        if answer.status_code == 200 and row.body:  # what only looks at documents says so in its answer
            assert answer.json()["valid"] is False, (body, answer.content)
            continue
        # Verbs that need nothing from the body may pass an empty list over; a definition or a form may not.
        assert answer.status_code in (400, 422) or (answer.status_code < 300 and not row.body), (body, answer.content)


@pytest.mark.parametrize("row", [row for row in READS_JSON if row.body], ids=lambda row: row.name)
def test_a_value_of_another_type_in_any_field_is_no_server_error(row: Row, world: World, client: APIClient) -> None:
    strange = (None, True, -1, 1.5, 2**70, "", "x" * 300, "\u202e<script>", [], [None], {}, {"a": {"b": []}})
    for name in row.body:
        for value in strange:
            answer = send(client, row, world, json.dumps(row.body | {name: value}).encode())
            assert answer.status_code < 500, (name, value, answer.content)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_strange_queries_and_headers_are_no_server_error(row: Row, world: World, client: APIClient) -> None:
    address = world.address(row.route, "own")
    names = (
        "limit",
        "cursor",
        "search",
        "ordering",
        "status",
        "box",
        "after",
        "wait",
        "startedAfter",
        "assignee",
        "from",
    )
    for value in ("%00", "%F0%28", "-1", "9" * 40, "%27%3B--", "x" * 3_000, "a&limit=b", "[]", "%ud800"):
        query = "&".join(f"{name}={value}" for name in names)
        answer = client.generic(row.method.upper(), f"{address}?{query}", b"{}", "application/json")
        assert answer.status_code < 500, (value, answer.content[:500])
    for headers in (
        {"If-Match": "nonsense"},
        {"If-Match": '"' + "9" * 50 + '"'},
        {"Idempotency-Key": "\u00fc"},
        {"Idempotency-Key": ""},
        {"Accept": "text/csv"},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic \u00ff"},
    ):
        answer = client.generic(row.method.upper(), address, b"{}", "application/json", headers=headers)
        assert answer.status_code < 500, (headers, answer.content[:500])
