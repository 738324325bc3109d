"""The warehouse: reserves pieces of a product, or lets a reservation go."""

from __future__ import annotations

from examples.server.idempotency import Answer
from examples.server.requests import Call, InvalidRequest

SOLD_OUT = "PROD-404"
ON_THE_SHELF = 40
MOST_PIECES = 100


async def reserve(call: Call) -> Answer:
    """`{orderId, productId, quantity}` → `{reservationId, productId, quantity, warehouse}`.

    422 `OUT_OF_STOCK` for PROD-404, and for more than 40 pieces of anything.
    """
    call.text("orderId")
    product, quantity = call.text("productId"), call.number("quantity")
    if not 1 <= quantity <= MOST_PIECES:
        raise InvalidRequest("quantity", f"quantity must be between 1 and {MOST_PIECES}")
    if product == SOLD_OUT or quantity > ON_THE_SHELF:
        return Answer(
            {"code": "OUT_OF_STOCK", "message": f"There are not {quantity:g} of {product}."}, 422, effect=False
        )
    body = {"reservationId": call.new_id("RES"), "productId": product, "quantity": quantity, "warehouse": "NORTH"}
    return Answer(body)


async def release(call: Call) -> Answer:
    """`{reservationId}` → `{reservationId, status: "RELEASED"}`."""
    return Answer({"reservationId": call.text("reservationId"), "status": "RELEASED"})
