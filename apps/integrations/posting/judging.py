"""What an answer means: arrived, try again, or never.

2xx arrived. 408, 425, 429, 5xx, a broken connection or none: again, after what `Retry-After` asks for or twice as long as the
last time. 410: the other side wants no more, ever. Everything else, redirects among it, would be no different next time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from apps.events.rules import LONGEST_DELAY
from apps.events.subscribers import Handled, Permanent, Transient
from apps.integrations import egress
from apps.validation.durations import parse_duration

DEFAULT_RETRIES = 8
DEFAULT_DELAY = timedelta(seconds=5)
SHOWN = 2_000
"""Characters of an answer that are kept."""

HIDDEN = "•••"
GONE = "GONE"
_AGAIN = frozenset({408, 425, 429})


def judge(
    document: Mapping[str, Any],
    answer: egress.Response,
    *,
    attempt: int,
    duration_ms: float,
    secrets: Sequence[str] = (),
    now: datetime,
) -> Handled:
    """What became of it. Transient, Permanent (code GONE for 410)."""
    details = {"status": answer.status, "durationMs": duration_ms, "answer": _shown(answer, secrets)}
    if 200 <= answer.status < 300:
        return Handled(details)
    message = f"The other side answered {answer.status}."
    if answer.status == 410:
        raise Permanent("The other side answered 410: it wants no more.", code=GONE, details=details)
    if answer.status in _AGAIN or answer.status >= 500:
        asked = retry_after(answer.headers.get("retry-after", ""), now)
        raise again(document, attempt, message, f"HTTP_{answer.status}", details, asked)
    if 300 <= answer.status < 400:
        message = f"{message} Redirects are not followed; change the address."
    raise Permanent(message, code=f"HTTP_{answer.status}", details=details)


def not_answered(
    document: Mapping[str, Any], error: egress.EgressError, *, attempt: int, duration_ms: float
) -> Exception:
    """The exception to raise when there was no answer."""
    details = {"status": None, "durationMs": duration_ms, **error.details}
    if error.transient:
        return again(document, attempt, error.message, error.code, details)
    return Permanent(error.message, code=error.code, details=details)


def again(
    document: Mapping[str, Any], attempt: int, message: str, code: str, details: Any = None, asked: float = 0.0
) -> Transient:
    """To be tried again, as the subscription says."""
    first = parse_duration(document["retryDelay"]) if "retryDelay" in document else DEFAULT_DELAY
    delay = min(first * 2 ** min(attempt - 1, 30), LONGEST_DELAY).total_seconds()
    delay *= random.uniform(1.0, 1.2)  # noqa: S311  so that what failed together does not come back together
    return Transient(
        message,
        code=code,
        retry_after=max(delay, asked),
        details=details,
        max_retries=document.get("maxRetries", DEFAULT_RETRIES),
    )


def retry_after(header: str, now: datetime) -> float:
    """Seconds that the header asks for, as a number or as a date; 0 for none."""
    header = header.strip()
    if header.isascii() and header.isdigit() and len(header) < 9:
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _shown(answer: egress.Response, secrets: Sequence[str]) -> str:
    text = answer.text()
    for secret in secrets:  # some systems answer with what they were sent
        text = text.replace(secret, HIDDEN)
    return text[:SHOWN].replace("\x00", "\N{REPLACEMENT CHARACTER}")
