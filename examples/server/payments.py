"""Payments and refunds: a card processor that declines some customers and amounts."""

from __future__ import annotations

from examples.server.idempotency import Answer
from examples.server.requests import Call, InvalidRequest

CARD_LIMIT = 5_000
"""Amounts above this are declined, in whatever currency."""
DECLINED_CUSTOMER = "CUST-402"
FLAKY_CUSTOMER = "CUST-503"
CURRENCIES = frozenset({"EUR", "GBP", "USD"})


async def charge(call: Call) -> Answer:
    """`{orderId, customerId, amount, currency}` → `{paymentId, amount, currency, status: "PAID"}`.

    A declined payment is 402 with the code `PAYMENT_FAILED` and a `declineReason`. `CUST-503` is answered 503 on the
    first attempt of each key and paid on the second: what a retry policy is for.
    """
    call.text("orderId")
    customer_id, amount, currency = call.text("customerId"), call.number("amount"), call.text("currency")
    if amount <= 0:
        raise InvalidRequest("amount", "amount must be above zero")
    if customer_id == FLAKY_CUSTOMER and call.attempt == 1:
        return Answer({"code": "PROCESSOR_UNAVAILABLE", "message": "The processor is restarting, try again."}, 503)
    if reason := _decline_reason(customer_id, amount, currency):
        message = f"The payment was declined: {reason}."
        return Answer({"code": "PAYMENT_FAILED", "message": message, "declineReason": reason}, 402)
    return Answer({"paymentId": call.new_id("PAY"), "amount": amount, "currency": currency, "status": "PAID"})


async def refund(call: Call) -> Answer:
    """`{paymentId, amount, reason}` → `{refundId, paymentId, amount, status: "REFUNDED"}`."""
    payment_id, amount = call.text("paymentId"), call.number("amount")
    return Answer({"refundId": call.new_id("REF"), "paymentId": payment_id, "amount": amount, "status": "REFUNDED"})


def _decline_reason(customer_id: str, amount: float, currency: str) -> str | None:
    if customer_id == DECLINED_CUSTOMER:
        return "CARD_DECLINED"
    if currency not in CURRENCIES:
        return "CURRENCY_NOT_SUPPORTED"
    if amount > CARD_LIMIT:
        return "LIMIT_EXCEEDED"
    return None
