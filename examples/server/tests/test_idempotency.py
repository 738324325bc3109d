"""One idempotency key has one effect, whatever the caller does with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from examples.server.tests.conftest import Client

pytestmark = pytest.mark.asyncio

PAYMENT = {"orderId": "ORD-1", "customerId": "CUST-1", "amount": 10, "currency": "EUR"}


async def effects(client: Client, query: str = "") -> list[dict[str, Any]]:
    return (await (await client.get(f"/log{query}")).json())["items"]


async def test_the_same_key_gives_the_same_answer_and_one_effect(client: Client) -> None:
    first = await client.post("/payments", json=PAYMENT, headers={"Idempotency-Key": "k"})
    second = await client.post("/payments", json=PAYMENT, headers={"Idempotency-Key": "k"})
    assert await first.json() == await second.json()
    assert "Idempotent-Replay" not in first.headers
    assert second.headers["Idempotent-Replay"] == "true"
    [effect] = await effects(client)
    assert (effect["service"], effect["idempotencyKey"], effect["calls"]) == ("payments", "k", 2)
    assert effect["request"] == PAYMENT


async def test_without_a_key_every_call_is_an_effect(client: Client) -> None:
    ids = {(await (await client.post("/payments", json=PAYMENT)).json())["paymentId"] for _ in range(3)}
    assert len(ids) == 3
    assert [effect["calls"] for effect in await effects(client)] == [1, 1, 1]


async def test_calls_at_the_same_time_with_one_key_have_one_effect(client: Client) -> None:
    body = {"type": "ORDER_CONFIRMED", "customerId": "C", "orderId": "O", "message": "m"}
    calls = (client.post("/notifications", json=body, headers={"Idempotency-Key": "k"}) for _ in range(10))
    answers = [await response.json() for response in await asyncio.gather(*calls)]
    assert all(answer == answers[0] for answer in answers)
    assert [effect["calls"] for effect in await effects(client)] == [10]


async def test_a_key_for_another_request_is_refused(client: Client) -> None:
    await client.post("/payments", json=PAYMENT, headers={"Idempotency-Key": "k"})
    other = await client.post("/payments", json=PAYMENT | {"amount": 11}, headers={"Idempotency-Key": "k"})
    assert other.status == 409
    assert (await other.json())["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len(await effects(client)) == 1


async def test_a_failure_is_not_kept(client: Client) -> None:
    flaky = PAYMENT | {"customerId": "CUST-503"}
    statuses = [(await client.post("/payments", json=flaky, headers={"Idempotency-Key": "k"})).status for _ in range(3)]
    assert statuses == [503, 200, 200]
    assert [effect["calls"] for effect in await effects(client)] == [2]


async def test_a_caller_that_hangs_up_leaves_the_key_free(client: Client) -> None:
    body = {"vendorId": "VEND-1", "amount": 100}
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.1):
            await client.post("/quotes/thorough", json=body, headers={"Idempotency-Key": "k"})
    async with asyncio.timeout(5):
        again = await client.post("/quotes/thorough", json=body, headers={"Idempotency-Key": "k"})
    assert again.status == 200


async def test_the_log_is_filtered_by_service_and_key(client: Client) -> None:
    await client.post("/payments", json=PAYMENT, headers={"Idempotency-Key": "a"})
    await client.post("/refunds", json={"paymentId": "P", "amount": 1}, headers={"Idempotency-Key": "b"})
    assert [effect["service"] for effect in await effects(client, "?service=refunds")] == ["refunds"]
    assert [effect["idempotencyKey"] for effect in await effects(client, "?key=a")] == ["a"]
