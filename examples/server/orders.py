"""Order validation: says whether the shop can take an order, and if not, every reason at once."""

from __future__ import annotations

import re
from typing import Any

from examples.server.idempotency import Answer
from examples.server.requests import Call

PRODUCT = re.compile(r"PROD-\d{3}")
DISCONTINUED = "PROD-9"
BLOCKED_CUSTOMER = "CUST-000"
MAX_QUANTITY = 100


async def validate(call: Call) -> Answer:
    """`{orderId, customerId, items: [{productId, quantity, …}]}` → `{outcome, orderId, itemCount, problems}`.

    `outcome` is `VALIDATED`, or `VALIDATION_FAILED` with one problem per reason.
    """
    order_id, customer_id, items = call.text("orderId"), call.text("customerId"), call.records("items")
    problems = []
    if customer_id == BLOCKED_CUSTOMER:
        problems.append(_problem("CUSTOMER_BLOCKED", "This customer may not order."))
    if not items:
        problems.append(_problem("NO_ITEMS", "The order has no items."))
    for item in items:
        problems.extend(_item_problems(item))
    body = {
        "outcome": "VALIDATION_FAILED" if problems else "VALIDATED",
        "orderId": order_id,
        "itemCount": len(items),
        "problems": problems,
    }
    # Looking at an order changes nothing outside, so it is no effect.
    return Answer(body, effect=False)


def _item_problems(item: dict[str, Any]) -> list[dict[str, str]]:
    product, quantity = str(item.get("productId", "")), item.get("quantity")
    problems = []
    if not PRODUCT.fullmatch(product):
        problems.append(_problem("UNKNOWN_PRODUCT", f"There is no product {product!r}.", product))
    elif product.startswith(DISCONTINUED):
        problems.append(_problem("DISCONTINUED", f"{product} is no longer sold.", product))
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= MAX_QUANTITY:
        problems.append(_problem("BAD_QUANTITY", f"The quantity must be between 1 and {MAX_QUANTITY}.", product))
    return problems


def _problem(code: str, message: str, product: str = "") -> dict[str, str]:
    return {"code": code, "message": message, "productId": product}
