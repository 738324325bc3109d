"""How often somebody may call, by the minute, counted in Redis by all processes together."""

from __future__ import annotations

import hashlib
import time

import redis
import structlog

from apps.events import doorbell
from apps.validation.problems import TooManyRequests

log = structlog.get_logger(__name__)
_MINUTE = 60


def require(key: str, *, limit: int) -> None:
    """Count one call. TooManyRequests beyond ``limit`` calls in this minute; 0 is no limit.

    While Redis is away nothing is counted: it may be flushed at any moment, and no call is lost for that.
    """
    if limit <= 0:
        return
    now = time.time()
    window = int(now // _MINUTE)
    name = f"rate:{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}:{window}"
    try:
        with doorbell.client().pipeline(transaction=False) as pipe:
            pipe.incr(name)
            pipe.expire(name, 2 * _MINUTE)
            count = pipe.execute()[0]
    except redis.RedisError as error:
        log.warning("rate.not_counted", error=str(error))
        return
    if count > limit:
        raise TooManyRequests("Too many calls.", retry_after=int(_MINUTE - now % _MINUTE) + 1)
