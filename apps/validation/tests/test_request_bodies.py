"""Bodies as they come over HTTP: read strictly, bounded, and refused with the right status."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.test import Client

from apps.auth.models import User

pytestmark = [pytest.mark.urls("apps.validation.tests.edge"), pytest.mark.django_db]


@pytest.fixture
def send(alice: User, client: Client) -> Any:
    def post(body: bytes, content_type: str = "application/json", **headers: str) -> Any:
        return client.post("/echo", body, content_type=content_type, headers={"X-Test-User": alice.username, **headers})

    return post


def test_good_body_is_read(send: Any) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8"):
        answer = send('{"a": "é"}'.encode(), content_type)
        assert (answer.status_code, answer.json()) == (200, {"data": {"a": "é"}})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"a":' * 70 + b"1" + b"}" * 70, "/a" * 64),
        (b'{"a": NaN}', "/a"),
        (b'{"a": 1e999}', "/a"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "/a"),
        (b'{"a": 1, "a": 2}', ""),
        (b'{"a": "\\u0000"}', "/a"),
        (b'{"a": "\\udc00"}', "/a"),
        (b"{", ""),
    ],
    ids=["deep", "NaN", "1e999", "5,000 digits", "duplicate key", "NUL", "surrogate", "cut off"],
)
def test_bad_json_is_400_with_a_pointer(send: Any, body: bytes, pointer: str) -> None:
    answer = send(body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [found["pointer"] for found in answer.json()["violations"]] == [pointer]


def test_body_over_the_limit_is_413(send: Any, settings: Any) -> None:
    settings.AUGMENTED_MAX_BODY = 1_000
    assert send(json.dumps("x" * 998).encode()).status_code == 200
    answer = send(json.dumps("x" * 999).encode())
    assert (answer.status_code, answer.json()["title"]) == (413, "Payload too large")


def test_megabyte_is_the_limit_by_default(send: Any) -> None:
    assert send(json.dumps("x" * 1_100_000).encode()).status_code == 413


def test_compressed_body_is_415_and_never_unpacked(send: Any) -> None:
    bomb = gzip.compress(b'"' + b"a" * 20_000_000 + b'"')
    answer = send(bomb, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert "uncompressed" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json"]
)
def test_other_content_type_is_415(send: Any, content_type: str) -> None:
    assert send(b"{}", content_type).status_code == 415


def test_other_charset_is_415(send: Any) -> None:
    assert send(b"{}", "application/json; charset=iso-8859-1").status_code == 415
