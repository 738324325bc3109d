"""Finding out work that kills whoever does it.

A batch is claimed and handled in one transaction, so a worker that dies in it leaves no trace in Postgres. Before it begins,
a router notes in Redis what it is about to handle, and takes the note away when it is done. Whoever claims the same things
later and finds a note about them knows that somebody began and did not end: rows in hand are locked, so nobody is at them
now. Such things are *suspects*. They are taken one at a time, so that what is harmless is soon cleared; what is begun alone
too often is given up.

The notes are hints: Redis may forget them at any moment, and then it takes some more workers until the culprit is found.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import orjson
import redis
import structlog
from django.conf import settings

from . import doorbell
from .failures import PERMANENT, Trouble

log = structlog.get_logger(__name__)

KEY = "router:begun"
KEPT_SECONDS = 6 * 3_600


class Note:
    """What one batch is about. ``begin`` once its rows are locked, ``end`` once it is committed; otherwise the note stays."""

    def __init__(self) -> None:
        self._token = f"{time.time():.0f}:{uuid4().hex}"
        self._names: list[str] = []
        self._earlier: dict[str, list[str]] = {}
        self._begun_alone: Counter[str] = Counter()
        self.alone: str | None = None
        """The suspect that the batch consists of."""
        self.part = ""

    def begin(self, names: Sequence[str]) -> int:
        """Note these, in their order. Returns how many of them to handle: those before the first suspect, or a suspect alone."""
        self._names, self._earlier, self.alone = list(names), {}, None
        try:
            with doorbell.client().pipeline(transaction=False) as pipe:
                pipe.hgetall(KEY)
                pipe.hset(KEY, self._token, _text(None, self._names))
                pipe.expire(KEY, KEPT_SECONDS)
                notes = pipe.execute()[0]
            notes.pop(self._token.encode(), None)  # begun anew
        except redis.RedisError as error:
            log.warning("router.not_noted", error=str(error))
            return len(names)
        self._read(notes)
        suspects = {name for found in self._earlier.values() for name in found}
        first = next((place for place, name in enumerate(names) if name in suspects), len(names))
        if first == 0 and names:
            self.alone = names[0]
            self._begun_alone = Counter(_parts(notes, names[0]))
        count = max(first, 1) if names else 0
        if count < len(names) or self.alone is not None:
            self._names = self._names[:count]
            self._tell(["hset", self._token, _text("" if self.alone else None, self._names)])
        return count

    def at(self, part: str) -> None:
        """A suspect is now in this part of its handling: what is given up can be no more than that part."""
        self.part = part
        if self.alone is not None:
            self._tell(["hset", self._token, _text(part, self._names)])

    def is_lost(self, part: str = "") -> bool:
        """Whether this part of a suspect's handling was begun so often without an end that it is to be given up."""
        return self._begun_alone[part] >= max(settings.AUGMENTED_MAX_CLAIMS - 1, 1)

    def end(self, done: Sequence[str]) -> None:
        """It is committed: what is done is not suspect any more."""
        if not self._names:
            return
        calls: list[list[str | bytes]] = [["hdel", self._token]]
        for token, names in self._earlier.items():
            left = [name for name in names if name not in done]
            if not left:
                calls.append(["hdel", token])
            elif len(left) < len(names):
                calls.append(["hset", token, _text(None, left)])
        self._tell(*calls)

    def _read(self, notes: dict[bytes, bytes]) -> None:
        mine, now = set(self._names), time.time()
        for key, text in notes.items():
            token = key.decode()
            if float(token.partition(":")[0]) < now - KEPT_SECONDS:
                self._tell(["hdel", token])
            elif not mine.isdisjoint(names := orjson.loads(text)[1]):
                self._earlier[token] = names

    def _tell(self, *calls: Sequence[str | bytes]) -> None:
        try:
            with doorbell.client().pipeline(transaction=False) as pipe:
                for verb, *arguments in calls:
                    pipe.execute_command(verb, KEY, *arguments)
                pipe.execute()
        except redis.RedisError as error:
            log.warning("router.not_noted", error=str(error))


def _parts(notes: dict[bytes, bytes], name: str) -> list[str]:
    """At which parts of it those were who had begun it alone."""
    found = [orjson.loads(text) for text in notes.values()]
    return [part for part, names in found if part is not None and names == [name]]


def _text(part: str | None, names: Sequence[str]) -> bytes:
    return orjson.dumps([part, names])


def worker_lost() -> Trouble:
    """What is given up was begun again and again, and whoever was at it went away."""
    message = (
        f"It was begun {settings.AUGMENTED_MAX_CLAIMS} times or more, the last times with nothing beside it,"
        " and every worker that was at it went away."
    )
    return Trouble(PERMANENT, "WORKER_LOST", message)
