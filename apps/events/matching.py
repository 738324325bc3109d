"""Finding who waits for an event without looking at everybody who waits.

The equality part of a condition (``event.payload.orderId == input.orderId``) is kept beside the row that waits as one
*correlation key*, made of every path in the event and the value it must have. Which paths there are is a *shape* (a pattern
and a set of paths): there are as many of those as conditions were ever written, not as rows that wait. So an event is
looked up in two steps: the shapes whose pattern fits its name (found by the literal words that a pattern begins and ends
with), and, for each, the rows with the key that the event's own values make.

A key only finds: the condition itself decides.
"""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import transaction

from .rules import ends_of, fits, value_at
from .sql import as_rows, fetch, run
from .stored import StoredEvent

Key = tuple[str, str]
"""A pattern, and the correlation key of rows that wait under it."""

ANYTHING = ""
"""The correlation key of rows that demand no equality."""


def correlation_key(values: Mapping[str, Any]) -> str:
    """One text for what an event must hold: path → value. 1 and 1.0 are the same; {} gives ANYTHING."""
    if not values:
        return ANYTHING
    plain = {path: _canonical(value) for path, value in values.items()}
    return hashlib.blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _canonical(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() if abs(value) >= 2**63:
            return float(value)  # as JSON readers see it anyway, and orjson writes no larger integer
        case float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case list() | tuple():
            return [_canonical(item) for item in value]
    return value


_KEEP = """
INSERT INTO events_shape (owner, pattern, paths, head, tail)
SELECT owner, pattern, ARRAY(SELECT json_array_elements_text(paths)), head, tail
FROM json_to_recordset(%s::json) AS r(owner text, pattern text, paths json, head text, tail text)
ON CONFLICT DO NOTHING
"""


Kept = tuple[str, str, tuple[str, ...]]
"""An owner, a pattern, and paths in their order."""

_known: set[Kept] = set()
"""Shapes that this process has seen committed: rows that wait under them cost no further statement. None is ever deleted."""

_KNOWN_AT_MOST = 100_000


def keep_shapes(owner: str, shapes: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Note that rows of ``owner`` wait under these (pattern, paths); in the transaction that writes the rows."""
    fresh = {(owner, pattern, tuple(sorted(paths))) for pattern, paths in shapes} - _known
    if not fresh:
        return
    run(_KEEP, as_rows(_rows(fresh)))
    transaction.on_commit(functools.partial(_remember, fresh), robust=True)


_COMMITTED = """
SELECT s.owner, s.pattern, s.paths FROM events_shape s
JOIN json_to_recordset(%s::json) AS r(owner text, pattern text, paths json)
  ON s.owner = r.owner AND s.pattern = r.pattern AND s.paths = ARRAY(SELECT json_array_elements_text(r.paths))
"""


def _remember(shapes: Collection[Kept]) -> None:
    # The statement may have been undone by a savepoint that Django knows nothing of, so what is committed is looked up.
    found = fetch(_COMMITTED, as_rows(_rows(shapes)))
    if len(_known) > _KNOWN_AT_MOST:
        _known.clear()
    _known.update((owner, pattern, tuple(paths)) for owner, pattern, paths in found)


def forget_shapes() -> None:
    """Take no shape for known any more; for whoever undoes what was committed, as tests do."""
    _known.clear()


def _rows(shapes: Collection[Kept]) -> list[dict[str, Any]]:
    rows = []
    for owner, pattern, paths in sorted(shapes):
        head, tail = ends_of(pattern)
        rows.append({"owner": owner, "pattern": pattern, "paths": paths, "head": head, "tail": tail})
    return rows


# OFFSET 0 keeps each look-up one of the index: Postgres takes a JSON parameter for a hundred rows, and would rather read the
# table whole, which costs the more the more shapes there are.
_FIND = """
SELECT s.pattern, s.paths FROM json_to_recordset(%s::json) AS r(head text, tail text), LATERAL (
  SELECT pattern, paths FROM events_shape WHERE head = r.head AND tail = r.tail AND owner = %s OFFSET 0) s
"""


def keys_of(owner: str, events: Sequence[StoredEvent]) -> list[list[Key]]:
    """For each event, under which (pattern, correlation key) rows of ``owner`` may wait for it. One statement."""
    names = {event.pattern for event in events}
    ends = {pair for name in names for pair in _possible_ends(name)}
    found = fetch(_FIND, as_rows([{"head": head, "tail": tail} for head, tail in sorted(ends)]), owner)
    fitting: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for pattern, paths in found:
        for name in names:
            if fits(pattern, name):
                fitting[name].append((pattern, tuple(paths)))
    return [_keys(event, fitting[event.pattern]) for event in events]


def _keys(event: StoredEvent, shapes: Sequence[tuple[str, tuple[str, ...]]]) -> list[Key]:
    keys: dict[Key, None] = {}
    for pattern, paths in shapes:
        values = {}
        for path in paths:
            there, value = value_at(event.document, path)
            if not there:
                break  # an equality with what the event does not have cannot hold
            values[path] = value
        else:
            keys[pattern, correlation_key(values)] = None
    return list(keys)


def _possible_ends(name: str) -> Iterable[tuple[str, str]]:
    """The (head, tail) that a pattern may have that fits this name."""
    words = name.split(".")
    heads = [".".join(words[:count]) for count in range(len(words) + 1)]
    tails = [".".join(words[count:]) for count in range(len(words) + 1)]
    return ((head, tail) for head in heads for tail in tails)
