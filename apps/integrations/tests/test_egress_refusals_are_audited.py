"""Each refused call leaves an audit row, without query strings or header values, and stays refused whatever happens."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async

from apps.auth.models import AuditEntry
from apps.integrations import egress
from apps.integrations.egress import audit


@pytest.mark.django_db(transaction=True)
async def test_a_refusal_is_written_down() -> None:
    with pytest.raises(egress.Refused):
        await egress.request("GET", "http://169.254.169.254/latest?token=canary", purpose="task:1")
    with pytest.raises(egress.Refused):
        await egress.request("GET", "http://example.com/", headers={"X-Key": "canary\r\nX: 1"}, purpose="task:2")
    rows = await database_sync_to_async(lambda: list(AuditEntry.objects.order_by("id")))()
    assert [(row.action, row.resource_id, row.details["reason"]) for row in rows] == [
        ("egress.refused", "task:1", "LINK_LOCAL_ADDRESS"),
        ("egress.refused", "task:2", "HEADER_INJECTION"),
    ]
    assert rows[0].details["url"] == "http://169.254.169.254/latest"
    assert "canary" not in str([row.details for row in rows])


async def test_a_call_stays_refused_when_it_cannot_be_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(audit, "record_audit", broken)
    with pytest.raises(egress.Refused):
        await egress.request("GET", "http://10.0.0.1/")
