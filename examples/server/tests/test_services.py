"""Each outside service accepts, refuses and fails as the examples' README says."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from examples.server.tests.conftest import Client

pytestmark = pytest.mark.asyncio

ORDER = {
    "orderId": "ORD-1",
    "customerId": "CUST-1",
    "items": [{"productId": "PROD-001", "name": "Headphones", "quantity": 1, "price": 79.99}],
}
PAYMENT = {"orderId": "ORD-1", "customerId": "CUST-1", "amount": 99.99, "currency": "USD"}
ADDRESS = {"street": "1 Main St", "city": "Anytown", "zipCode": "12345", "country": "USA"}


async def post(client: Client, path: str, body: Any, key: str | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    response = await client.post(path, json=body, headers=headers)
    return response.status, await response.json()


async def test_a_sound_order_is_validated(client: Client) -> None:
    status, answer = await post(client, "/orders/validate", ORDER)
    assert (status, answer["outcome"], answer["problems"]) == (200, "VALIDATED", [])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"items": []}, "NO_ITEMS"),
        ({"customerId": "CUST-000"}, "CUSTOMER_BLOCKED"),
        ({"items": [{"productId": "PROD-999", "quantity": 1}]}, "DISCONTINUED"),
        ({"items": [{"productId": "X", "quantity": 1}]}, "UNKNOWN_PRODUCT"),
        ({"items": [{"productId": "PROD-001", "quantity": 0}]}, "BAD_QUANTITY"),
        ({"items": [{"productId": "PROD-001", "quantity": True}]}, "BAD_QUANTITY"),
    ],
)
async def test_an_order_is_refused_with_its_reason(client: Client, change: dict[str, Any], code: str) -> None:
    status, answer = await post(client, "/orders/validate", ORDER | change)
    assert (status, answer["outcome"]) == (200, "VALIDATION_FAILED")
    assert [problem["code"] for problem in answer["problems"]] == [code]


async def test_every_reason_comes_at_once(client: Client) -> None:
    items = [{"productId": "X", "quantity": 0}, {"productId": "PROD-901", "quantity": 1}]
    _, answer = await post(client, "/orders/validate", ORDER | {"items": items, "customerId": "CUST-000"})
    codes = [problem["code"] for problem in answer["problems"]]
    assert codes == ["CUSTOMER_BLOCKED", "UNKNOWN_PRODUCT", "BAD_QUANTITY", "DISCONTINUED"]


async def test_a_payment_goes_through(client: Client) -> None:
    status, answer = await post(client, "/payments", PAYMENT)
    assert (status, answer["status"]) == (200, "PAID")
    assert answer["paymentId"].startswith("PAY-")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"customerId": "CUST-402"}, "CARD_DECLINED"),
        ({"amount": 5_000.01}, "LIMIT_EXCEEDED"),
        ({"currency": "DOGE"}, "CURRENCY_NOT_SUPPORTED"),
    ],
)
async def test_a_payment_is_declined_and_moves_no_money(client: Client, change: dict[str, Any], reason: str) -> None:
    status, answer = await post(client, "/payments", PAYMENT | change, key="k")
    assert (status, answer["code"], answer["declineReason"]) == (402, "PAYMENT_FAILED", reason)
    assert (await (await client.get("/log")).json())["total"] == 0


async def test_the_flaky_processor_answers_on_the_second_attempt(client: Client) -> None:
    flaky = PAYMENT | {"customerId": "CUST-503"}
    assert (await post(client, "/payments", flaky, key="a"))[0] == 503
    assert (await post(client, "/payments", flaky, key="a"))[0] == 200
    assert (await post(client, "/payments", flaky, key="b"))[0] == 503


async def test_a_shipment_is_booked_and_taken_back(client: Client) -> None:
    body = {"orderId": "ORD-1", "items": ORDER["items"], "shippingAddress": ADDRESS}
    _, booked = await post(client, "/shipments", body)
    assert booked["carrier"] == "Parcel Post"
    _, cancelled = await post(client, "/shipment-cancellations", {"shipmentId": booked["shipmentId"], "reason": None})
    assert cancelled == {"shipmentId": booked["shipmentId"], "status": "CANCELLED"}


async def test_stock_is_reserved_while_there_is_some(client: Client) -> None:
    line = {"orderId": "ORD-1", "productId": "PROD-001", "quantity": 40}
    status, reserved = await post(client, "/stock/reservations", line)
    assert (status, reserved["productId"], reserved["quantity"]) == (200, "PROD-001", 40)
    _, released = await post(client, "/stock/releases", {"reservationId": reserved["reservationId"]})
    assert released == {"reservationId": reserved["reservationId"], "status": "RELEASED"}
    for change in ({"quantity": 41}, {"productId": "PROD-404"}):
        status, answer = await post(client, "/stock/reservations", line | change)
        assert (status, answer["code"]) == (422, "OUT_OF_STOCK")


async def test_a_refund_names_its_payment(client: Client) -> None:
    _, answer = await post(client, "/refunds", {"paymentId": "PAY-1", "amount": 5, "reason": "customer asked"})
    assert (answer["paymentId"], answer["status"]) == ("PAY-1", "REFUNDED")


async def test_a_notification_of_an_unknown_type_is_refused(client: Client) -> None:
    body = {"type": "ORDER_CONFIRMED", "customerId": "CUST-1", "orderId": "ORD-1", "message": "Hello"}
    assert (await post(client, "/notifications", body))[1]["recipient"] == "cust-1@customers.example"
    assert (await post(client, "/notifications", body | {"type": "POEM"}))[0] == 422


async def test_vendor_checks_take_their_time_side_by_side(client: Client) -> None:
    body = {"vendorId": "VEND-1", "name": "Acme", "amount": 1_000, "referee": 2}
    paths = ["/vendors/credit-check", "/vendors/sanctions-check", "/vendors/reference-check", "/quotes/swift"]
    started = time.monotonic()
    answers = [answer for _, answer in await asyncio.gather(*(post(client, path, body) for path in paths))]
    assert 0.2 <= time.monotonic() - started < 1.0
    assert answers[0]["rating"] in "ABC" and answers[1] == {"listed": False, "lists": []}
    assert 3 <= answers[2]["rating"] <= 5 and answers[3]["premium"] == 21.0


async def test_a_listed_and_a_weak_vendor_are_found(client: Client) -> None:
    assert (await post(client, "/vendors/sanctions-check", {"vendorId": "VEND-666"}))[1]["listed"] is True
    assert (await post(client, "/vendors/credit-check", {"vendorId": "VEND-300"}))[1]["rating"] == "C"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/payments", {}, "orderId"),
        ("/payments", PAYMENT | {"amount": True}, "amount"),
        ("/payments", PAYMENT | {"amount": -1}, "amount"),
        ("/orders/validate", ORDER | {"items": "none"}, "items"),
        ("/shipments", {"orderId": "1", "items": [{}], "shippingAddress": "here"}, "shippingAddress"),
        ("/payments", [], ""),
    ],
)
async def test_a_body_that_a_service_cannot_read_is_400(client: Client, path: str, body: Any, field: str) -> None:
    status, answer = await post(client, path, body)
    assert (status, answer["code"], answer["field"]) == (400, "INVALID_REQUEST", field)


async def test_text_that_is_not_json_is_400(client: Client) -> None:
    response = await client.post("/payments", data=b"{")
    assert response.status == 400


async def test_the_server_lists_its_services(client: Client) -> None:
    answer = await (await client.get("/healthz")).json()
    assert answer["status"] == "ok" and "payments" in answer["services"]
