"""The server's routes: each service is a POST that takes and gives JSON.

Errors are `{code, message}`: 400 for a body that is not what the service needs, 402 for a declined payment, 409 for a
reused key, 503 for a service that is down. An order with problems is no error: 200 with an `outcome` that says so.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from examples.server import notifications, orders, payments, shipments, stock, vendors
from examples.server.attempts import Attempts
from examples.server.effects import EffectLog
from examples.server.idempotency import Answer, IdempotentCalls
from examples.server.requests import Call, InvalidRequest

Service = Callable[[Call], Awaitable[Answer]]

SERVICES: dict[str, Service] = {
    "orders/validate": orders.validate,
    "payments": payments.charge,
    "refunds": payments.refund,
    "shipments": shipments.book,
    "shipment-cancellations": shipments.cancel,
    "notifications": notifications.send,
    "stock/reservations": stock.reserve,
    "stock/releases": stock.release,
    "vendors/credit-check": vendors.credit,
    "vendors/sanctions-check": vendors.sanctions,
    "vendors/reference-check": vendors.references,
    "quotes/swift": vendors.quote_swift,
    "quotes/thorough": vendors.quote_thorough,
}
LOG = web.AppKey("log", EffectLog)
CALLS = web.AppKey("calls", IdempotentCalls)
ATTEMPTS = web.AppKey("attempts", Attempts)


def create_app() -> web.Application:
    """A fresh server with an empty log."""
    app = web.Application(client_max_size=1024 * 1024)
    app[LOG] = EffectLog()
    app[CALLS] = IdempotentCalls(app[LOG])
    app[ATTEMPTS] = Attempts()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/log", show_log)
    for path, service in SERVICES.items():
        app.router.add_post(f"/{path}", _handler(path, service))
    return app


async def healthz(request: web.Request) -> web.Response:
    """200 as soon as the server listens."""
    return web.json_response({"status": "ok", "services": sorted(SERVICES)})


async def show_log(request: web.Request) -> web.Response:
    """`?service=` and `?key=` filter; `{items: [effect], total}` with `total` counting what matches."""
    found = request.app[LOG].matching(service=request.query.get("service"), key=request.query.get("key"))
    return web.json_response({"items": [effect.as_json() for effect in found], "total": len(found)})


def _handler(path: str, service: Service) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key") or None
        try:
            body = await _json_object(request)
            attempt, identity = request.app[ATTEMPTS].count(path, key)
            answer, replayed = await request.app[CALLS].run(
                service=path, key=key, request=body, work=lambda: service(Call(body, attempt, identity))
            )
        except InvalidRequest as problem:
            refusal = {"code": "INVALID_REQUEST", "message": problem.message, "field": problem.field}
            return web.json_response(refusal, status=400)
        headers = {"Idempotent-Replay": "true"} if replayed else {}
        return web.json_response(answer.body, status=answer.status, headers=headers)

    return handle


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise InvalidRequest("", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise InvalidRequest("", "the body must be a JSON object")
    return body
