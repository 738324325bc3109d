"""HTTP tasks against a real server: what is sent, how answers are judged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from apps.integrations import egress
from apps.integrations.tests.servers import serving
from apps.tasks.executors import Completed, Failed, TaskCall, compile_plan, run_checked

from .factories import http_document

pytestmark = pytest.mark.asyncio


class Outside:
    """A server that answers what the test says and keeps what it was sent."""

    def __init__(self) -> None:
        self.port = 0
        self.answer = web.json_response
        self.requests: list[dict[str, Any]] = []
        self.respond: Any = lambda: web.json_response({"ok": True})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(
            {
                "method": request.method,
                "path": request.raw_path,
                "headers": dict(request.headers),
                "body": await request.text(),
            }
        )
        answer = self.respond()
        return await answer if asyncio.iscoroutine(answer) else answer

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
async def outside(settings: Any) -> AsyncIterator[Outside]:
    server = Outside()
    async with serving(server.handle) as server.port:
        settings.AUGMENTED_EGRESS_ALLOW = [f"127.0.0.1:{server.port}"]
        yield server
    await egress.close()


async def run(
    document: dict[str, Any], value: Any = None, *, task_id: UUID | None = None, instance: UUID | None = None
) -> Completed | Failed:
    call = TaskCall(task_id or uuid4(), 1, compile_plan(document), {} if value is None else value, instance)
    return await run_checked(call)


async def test_the_request_is_built_from_the_input(outside: Outside) -> None:
    document = http_document(
        outside.url("/orders/${input.id}/items"),
        method="POST",
        query={"page": "${input.page}", "tag": ["a", "b"], "none": None, "flag": True},
        headers={"X-Customer": "${input.customer}", "X-None": None},
        body={"lines": "${input.lines}", "note": "Order ${input.id}"},
    )
    value = {"id": "7", "page": 2, "customer": "c1", "lines": [{"sku": "x"}]}
    assert await run(document, value) == Completed({"ok": True})
    sent = outside.requests[0]
    assert (sent["method"], sent["path"]) == ("POST", "/orders/7/items?page=2&tag=a&tag=b&flag=true")
    assert sent["body"] == '{"lines":[{"sku":"x"}],"note":"Order 7"}'
    assert sent["headers"]["X-Customer"] == "c1"
    assert "X-None" not in sent["headers"]


async def test_every_attempt_bears_the_same_idempotency_key_and_trace(outside: Outside) -> None:
    task_id, instance = uuid4(), uuid4()
    document = http_document(outside.url(), headers={"idempotency-key": "mine", "traceparent": "mine"})
    await run(document, task_id=task_id, instance=instance)
    await run(document, task_id=task_id, instance=instance)
    for sent in outside.requests:
        assert sent["headers"]["Idempotency-Key"] == str(task_id)
        assert sent["headers"]["traceparent"] == f"00-{instance.hex}-{task_id.hex[16:]}-01"
        assert "idempotency-key" not in sent["headers"]


async def test_a_post_without_a_body_sends_the_input(outside: Outside) -> None:
    await run(http_document(outside.url(), method="POST"), {"a": 1})
    assert outside.requests[0]["body"] == '{"a":1}'


async def test_a_form_is_urlencoded(outside: Outside) -> None:
    await run(http_document(outside.url(), method="POST", form={"a": "1 & 2", "b": "${input.b}"}), {"b": "ü"})
    assert outside.requests[0]["body"] == "a=1+%26+2&b=%C3%BC"
    assert outside.requests[0]["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


async def test_a_text_body_of_another_type_is_sent_as_it_is(outside: Outside) -> None:
    document = http_document(
        outside.url(), method="PUT", headers={"content-type": "text/csv"}, body="id\n${input.id}\n"
    )
    await run(document, {"id": 5})
    assert outside.requests[0]["body"] == "id\n5\n"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a/b", "/orders/a%2Fb"),
        ("a?x#y", "/orders/a%3Fx%23y"),
        ("../../admin", "/orders/..%2F..%2Fadmin"),
        ("ü €", "/orders/%C3%BC%20%E2%82%AC"),
        ("a\tX y", "/orders/a%09X%20y"),
        ("%2e%2e", "/orders/%252e%252e"),
        (12.0, "/orders/12"),
        (True, "/orders/true"),
    ],
)
async def test_a_value_in_the_path_stays_one_segment(outside: Outside, value: Any, path: str) -> None:
    await run(http_document(outside.url("/orders/${input.id}")), {"id": value})
    assert outside.requests[0]["path"] == path


@pytest.mark.parametrize("value", ["..", ".", "", None, {"a": 1}, [1]])
async def test_a_value_that_would_change_the_endpoint_is_refused(outside: Outside, value: Any) -> None:
    failed = await run(http_document(outside.url("/orders/${input.id}/items")), {"id": value})
    assert isinstance(failed, Failed)
    assert (failed.code, failed.type) == ("REQUEST_INVALID", "PERMANENT")
    assert outside.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1/evil#", "evil@127.0.0.1", "a b", "127.0.0.1:80:80", "-a"])
async def test_only_a_host_may_stand_in_the_host(outside: Outside, host: str) -> None:
    failed = await run(http_document("http://${input.host}/x"), {"host": host})
    assert isinstance(failed, Failed)
    assert failed.code == "REQUEST_INVALID"


async def test_a_base_url_from_the_input_is_judged_by_the_guard(outside: Outside) -> None:
    document = http_document("${input.base}/orders/${input.id}")
    assert isinstance(await run(document, {"base": outside.url("/v1"), "id": "a/b"}), Completed)
    assert outside.requests[0]["path"] == "/v1/orders/a%2Fb"
    failed = await run(document, {"base": "http://169.254.169.254", "id": "x"})
    assert isinstance(failed, Failed)
    assert (failed.code, failed.type, failed.retryable) == ("EGRESS_REFUSED", "PERMANENT", False)


async def test_a_line_break_in_a_templated_header_is_refused(outside: Outside) -> None:
    failed = await run(http_document(outside.url(), headers={"X-A": "${input.a}"}), {"a": "1\r\nX-Admin: 1"})
    assert isinstance(failed, Failed)
    assert (failed.code, failed.details["reason"]) == ("EGRESS_REFUSED", "HEADER_INJECTION")
    assert outside.requests == []


async def test_allow_hosts_narrows_and_never_widens(outside: Outside, settings: Any) -> None:
    narrowed = http_document(outside.url(), allowHosts=["api.example.com"])
    failed = await run(narrowed)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.details["reason"]) == ("EGRESS_REFUSED", "NOT_LISTED")
    settings.AUGMENTED_EGRESS_ALLOW = []
    failed = await run(http_document(outside.url(), allowHosts=[f"127.0.0.1:{outside.port}"]))
    assert isinstance(failed, Failed)
    assert failed.details["reason"] == "LOOPBACK_ADDRESS"
    assert outside.requests == []


@pytest.mark.parametrize(
    ("status", "body", "code", "kind", "retryable"),
    [
        (400, {"code": "CARD_DECLINED"}, "CARD_DECLINED", "PERMANENT", False),
        (404, {"code": "not-found"}, "HTTP_404", "PERMANENT", False),
        (409, "busy", "HTTP_409", "PERMANENT", False),
        (408, {}, "HTTP_408", "TRANSIENT", True),
        (425, {}, "HTTP_425", "TRANSIENT", True),
        (429, {"code": "SLOW_DOWN"}, "SLOW_DOWN", "TRANSIENT", True),
        (500, {}, "HTTP_500", "TRANSIENT", True),
        (503, None, "HTTP_503", "TRANSIENT", True),
    ],
)
async def test_answers_outside_2xx_fail_with_a_code_and_a_kind(
    outside: Outside, status: int, body: Any, code: str, kind: str, retryable: bool
) -> None:
    outside.respond = lambda: web.json_response(body, status=status)
    failed = await run(http_document(outside.url()))
    assert isinstance(failed, Failed)
    assert (failed.code, failed.type, failed.retryable) == (code, kind, retryable)
    assert failed.details["status"] == status


async def test_error_rules_are_tried_in_order_before_success(outside: Outside) -> None:
    errors = [
        {"status": [402, 403], "code": "NOT_PAID", "message": "Balance is ${response.body.balance}", "retryable": True},
        {
            "condition": "response.status == 200 && response.body.?state.orValue('') == 'failed'",
            "code": "REMOTE_FAILED",
        },
    ]
    document = http_document(outside.url(), errors=errors)
    outside.respond = lambda: web.json_response({"balance": 3}, status=402)
    assert await run(document) == Failed(
        "TRANSIENT", "NOT_PAID", "Balance is 3", {"status": 402, "body": {"balance": 3}}, True
    )
    outside.respond = lambda: web.json_response({"state": "failed"})
    failed = await run(document)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.retryable) == ("REMOTE_FAILED", False)
    outside.respond = lambda: web.json_response({"state": "fine"})
    assert isinstance(await run(document), Completed)


async def test_success_and_response_and_outcome_can_be_defined(outside: Outside) -> None:
    document = http_document(
        outside.url(),
        success=[200, 404],
        response={"found": "${response.status == 200}", "etag": "${response.headers.etag}"},
        outcome="response.status == 404 ? 'missing' : 'found'",
    )
    outside.respond = lambda: web.json_response({}, status=404, headers={"ETag": "e1"})
    assert await run(document) == Completed({"found": False, "etag": "e1"}, "missing")
    document = http_document(outside.url(), success="response.body.ok")
    outside.respond = lambda: web.json_response({"ok": False})
    failed = await run(document)
    assert isinstance(failed, Failed)
    assert failed.code == "HTTP_200"


async def test_answers_that_are_not_json_become_text_and_empty_ones_null(outside: Outside) -> None:
    outside.respond = lambda: web.Response(text="plain")
    assert await run(http_document(outside.url())) == Completed("plain")
    outside.respond = lambda: web.Response(status=204)
    assert await run(http_document(outside.url())) == Completed(None)


async def test_a_result_over_the_cap_fails_and_names_it(outside: Outside) -> None:
    outside.respond = lambda: web.json_response({"x": "y" * 300_000})
    failed = await run(http_document(outside.url()))
    assert isinstance(failed, Failed)
    assert failed.code == "RESULT_TOO_LARGE"
    assert await run(http_document(outside.url(), response="${size(response.body.x)}")) == Completed(300_000)


async def test_an_answer_that_comes_too_late_is_a_timeout(outside: Outside) -> None:
    async def late() -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    outside.respond = late
    failed = await run(http_document(outside.url()) | {"timeout": 200})
    assert isinstance(failed, Failed)
    assert (failed.type, failed.code, failed.retryable) == ("TIMEOUT", "TIMEOUT", True)


async def test_a_server_that_is_away_is_transient(outside: Outside, settings: Any) -> None:
    settings.AUGMENTED_EGRESS_ALLOW = ["127.0.0.1"]
    failed = await run(http_document("http://127.0.0.1:1/"))
    assert isinstance(failed, Failed)
    assert (failed.type, failed.code, failed.retryable) == ("TRANSIENT", "CONNECT_FAILED", True)


async def test_credentials_do_not_show_in_errors(outside: Outside) -> None:
    outside.respond = lambda: web.json_response({}, status=500)
    failed = await run(http_document(outside.url(), headers={"Authorization": "Bearer canary-secret"}))
    assert "canary-secret" not in repr(failed)
