"""Whatever the content type, the body becomes JSON that can be kept; or the call is refused with 400 or 415."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from apps.integrations.webhooks.contents import fits, read
from apps.integrations.webhooks.delivery import Delivery
from apps.validation.problems import BadInput, UnsupportedContent

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="who"\r\n\r\nAlice\r\n'
    b'--x\r\nContent-Disposition: form-data; name="cv"; filename="../cv.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n'
)
EVENT = {"specversion": "1.0", "id": "e1", "source": "/shop", "type": "shop.placed", "time": "2026-03-01T09:30:00Z"}


def taken(content_type: str, body: bytes, **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return read(Delivery("x", {"content-type": content_type, **given}, body))


@pytest.mark.parametrize(
    ("content_type", "body", "payload"),
    [
        ("application/json", b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("application/vnd.github+json; charset=utf-8", b"[1]", [1]),
        ("application/json", b"", None),
        ("", b"", None),
        ("application/x-www-form-urlencoded", b"a=1&b=%C3%A4+b&a=2&c=", {"a": ["1", "2"], "b": "ä b", "c": ""}),
        ("multipart/form-data; boundary=x", MULTIPART,
         {"who": "Alice", "cv": {"filename": "cv.pdf", "contentType": "application/pdf", "size": 4}}),
        ("text/plain", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=iso-8859-1", "Grüße".encode("latin-1"), "Grüße"),
        ("application/xml", b"<order id='1'/>", "<order id='1'/>"),
        ("application/soap+xml", b"<a/>", "<a/>"),
        ("image/png", b"\x89PNG\x00", {"contentType": "image/png", "base64": base64.b64encode(b"\x89PNG\x00").decode()}),
        ("", b"abc", {"contentType": "application/octet-stream", "base64": "YWJj"}),
    ],
)  # fmt: skip
def test_a_body_becomes_json(content_type: str, body: bytes, payload: Any) -> None:
    assert taken(content_type, body).payload == payload


def test_a_structured_cloud_event_is_recognised() -> None:
    found = taken("application/cloudevents+json", json.dumps(EVENT | {"data": {"a": 1}}).encode())
    assert found.payload == {"a": 1}
    assert found.cloud_event["eventId"] == "e1"
    assert found.cloud_event["pattern"] == "shop.placed"


def test_a_binary_cloud_event_is_recognised() -> None:
    headers = {f"ce-{name}": value for name, value in EVENT.items()} | {"ce-subject": "caf%C3%A9"}
    found = taken("application/json", b'{"a": 1}', **headers)
    assert found.payload == {"a": 1}
    assert found.cloud_event["timestamp"] == EVENT["time"]
    assert found.cloud_event["metadata"]["cloudEvent"]["subject"] == "café"


@pytest.mark.parametrize(
    ("content_type", "body", "headers", "error"),
    [
        ("application/json", b"{", {}, BadInput),
        ("application/json", b'{"a":1,"a":2}', {}, BadInput),
        ("application/json", b"[" * 65 + b"]" * 65, {}, BadInput),
        ("application/json", b"\xff", {}, BadInput),
        ("application/json", b"\x1f\x8b", {"content_encoding": "gzip"}, UnsupportedContent),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(1_001)), {}, BadInput),
        ("application/x-www-form-urlencoded", b"a=%00", {}, BadInput),
        ("application/x-www-form-urlencoded", b"a=%ff", {}, BadInput),
        ("multipart/form-data", b"--x", {}, BadInput),
        ("multipart/form-data; boundary=x", MULTIPART.replace(b"Alice", b"a\x00b"), {}, BadInput),
        ("text/plain", b"\xff", {}, BadInput),
        ("text/plain", b"a\x00b", {}, BadInput),
        ("text/plain; charset=made-up", b"a", {}, UnsupportedContent),
        ("application/cloudevents+json", b'{"id": "1"}', {}, BadInput),
        ("application/cloudevents-batch+json", b"[]", {}, UnsupportedContent),
        ("application/json", b"{}", {"ce_specversion": "0.3", "ce_id": "1"}, BadInput),
    ],
)
def test_what_cannot_be_read_is_refused(content_type: str, body: bytes, headers: dict[str, str], error: type) -> None:
    with pytest.raises(error):
        taken(content_type, body, **headers)


def test_media_types_are_compared_by_family() -> None:
    assert fits("application/json", ["application/json"])
    assert fits("text/csv", ["text/*"])
    assert fits("image/png", ["*/*"])
    assert not fits("text/csv", ["application/json", "image/*"])
