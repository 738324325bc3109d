"""Vendor checks: a credit bureau, a sanctions list, a reference service, and two places that quote prices.

Each takes its own time, so that a parallel step has something to be parallel about.
"""

from __future__ import annotations

import asyncio
import zlib

from examples.server.idempotency import Answer
from examples.server.requests import Call

CREDIT_SECONDS = 0.12
SANCTIONS_SECONDS = 0.06
REFERENCE_SECONDS = 0.2
QUOTE_SECONDS = {"swift": 0.04, "thorough": 1.5}
LISTED_VENDOR = "VEND-666"
WEAK_VENDOR = "VEND-300"


async def credit(call: Call) -> Answer:
    """`{vendorId, name}` → `{score: 0–100, rating: "A"|"B"|"C", creditLimit}` after 120 ms; VEND-300 scores 30."""
    vendor_id = call.text("vendorId")
    await asyncio.sleep(CREDIT_SECONDS)
    score = 30 if vendor_id == WEAK_VENDOR else 60 + zlib.crc32(vendor_id.encode()) % 40
    rating = "A" if score >= 80 else "B" if score >= 50 else "C"
    return Answer({"score": score, "rating": rating, "creditLimit": score * 1_000}, effect=False)


async def sanctions(call: Call) -> Answer:
    """`{vendorId, name}` → `{listed, lists: [name]}` after 60 ms; VEND-666 is on a list."""
    vendor_id = call.text("vendorId")
    await asyncio.sleep(SANCTIONS_SECONDS)
    lists = ["Consolidated Sanctions List"] if vendor_id == LISTED_VENDOR else []
    return Answer({"listed": bool(lists), "lists": lists}, effect=False)


async def references(call: Call) -> Answer:
    """`{vendorId, name, referee: 1–3}` → `{referee, rating: 3.0–5.0}` after 200 ms."""
    vendor_id, referee = call.text("vendorId"), int(call.number("referee"))
    await asyncio.sleep(REFERENCE_SECONDS)
    spread = zlib.crc32(f"{vendor_id}/{referee}".encode())
    return Answer({"referee": referee, "rating": round(3.0 + spread % 21 / 10, 1)}, effect=False)


async def quote_swift(call: Call) -> Answer:
    """`{vendorId, amount}` → `{provider, premium, currency}` after 40 ms."""
    return await _quote(call, "swift", rate=0.021)


async def quote_thorough(call: Call) -> Answer:
    """The same after 1.5 s, a little cheaper: the quote that usually comes too late."""
    return await _quote(call, "thorough", rate=0.018)


async def _quote(call: Call, provider: str, *, rate: float) -> Answer:
    call.text("vendorId")
    amount = call.number("amount")
    await asyncio.sleep(QUOTE_SECONDS[provider])
    return Answer({"provider": provider, "premium": round(amount * rate, 2), "currency": "EUR"}, effect=False)
