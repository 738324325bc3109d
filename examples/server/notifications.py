"""Notifications: tells a customer something by mail."""

from __future__ import annotations

from examples.server.idempotency import Answer
from examples.server.requests import Call

TYPES = frozenset({"ORDER_CONFIRMED", "ORDER_VALIDATION_FAILED", "PAYMENT_FAILED"})


async def send(call: Call) -> Answer:
    """`{type, customerId, orderId, message}` → `{notificationId, channel, recipient}`; an unknown type is 422."""
    kind, customer_id = call.text("type"), call.text("customerId")
    call.text("message")
    if kind not in TYPES:
        return Answer({"code": "UNKNOWN_TYPE", "message": f"No template for {kind!r}.", "field": "type"}, 422)
    recipient = f"{customer_id.lower()}@customers.example"
    return Answer({"notificationId": call.new_id("MSG"), "channel": "email", "recipient": recipient})
