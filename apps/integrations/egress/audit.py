"""Writes an audit row for each refused call, without blocking the event loop.

One thread does it, so a flood of refusals costs one database connection and never the workers' throughput. A failure
to write is logged and does not change the answer: the call stays refused.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import connection

from apps.auth.services import record_audit

from .errors import Refused

log = structlog.get_logger(__name__)
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="egress-audit")


async def record_refusal(error: Refused, *, method: str, url: str, purpose: str) -> None:
    """Audit `error`. `purpose` says on whose behalf (a task id, a connection id); query strings are not recorded."""
    details = {"method": method[:20], "url": url.partition("?")[0][:500], "message": error.message, **error.details}
    log.warning("egress.refused", purpose=purpose, **details)
    await asyncio.get_running_loop().run_in_executor(_writer, _write, purpose, details)


def _write(purpose: str, details: dict[str, object]) -> None:
    try:
        record_audit(actor=None, action="egress.refused", resource="egress", resource_id=purpose, details=details)
    except Exception:
        log.exception("egress.audit_failed", purpose=purpose)
    finally:
        connection.close()
