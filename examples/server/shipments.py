"""Shipments: books a parcel, or takes a booking back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from examples.server.idempotency import Answer
from examples.server.requests import Call, InvalidRequest

DELIVERY_DAYS = {"USA": 3, "GB": 4, "DE": 2}
ELSEWHERE_DAYS = 7


async def book(call: Call) -> Answer:
    """`{orderId, items, shippingAddress}` → `{shipmentId, carrier, trackingNumber, estimatedDelivery}` (ISO date)."""
    call.text("orderId")
    if not call.records("items"):
        raise InvalidRequest("items", "there is nothing to ship")
    country = str(call.record("shippingAddress").get("country", ""))
    days = DELIVERY_DAYS.get(country, ELSEWHERE_DAYS)
    shipment_id = call.new_id("SHP")
    return Answer(
        {
            "shipmentId": shipment_id,
            "carrier": "Parcel Post" if days <= DELIVERY_DAYS["GB"] else "World Freight",
            "trackingNumber": shipment_id.replace("SHP-", "TRK"),
            "estimatedDelivery": (datetime.now(UTC) + timedelta(days=days)).date().isoformat(),
        }
    )


async def cancel(call: Call) -> Answer:
    """`{shipmentId, reason}` → `{shipmentId, status: "CANCELLED"}`."""
    return Answer({"shipmentId": call.text("shipmentId"), "status": "CANCELLED"})
