"""Keyset paging of pages: a cursor names the last row seen, so that page 1,000 costs what page 1 costs.

`?after=` goes on towards older rows, `?before=` back towards newer ones. A cursor that cannot be read is ignored.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

M = TypeVar("M", bound=Model)
PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows in order, and the cursors of the neighbouring pages (None where there is none)."""

    rows: list[M]
    after: str | None
    before: str | None


def newest_first(rows: QuerySet[M], request: HttpRequest, *, field: str, size: int = PAGE_SIZE) -> Page[M]:
    """A page of `rows`, ordered by the time in `field` and the id, both descending."""
    after, before = _read(request.GET.get("after")), _read(request.GET.get("before"))
    if before is not None:
        found = list(rows.filter(_beyond(field, before, newer=True)).order_by(field, "pk")[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        return Page(found, after=_cursor(found[-1], field) if found else None, before=_first(found, field, more))
    if after is not None:
        rows = rows.filter(_beyond(field, after, newer=False))
    found = list(rows.order_by(f"-{field}", "-pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    return Page(
        found,
        after=_cursor(found[-1], field) if more else None,
        before=_first(found, field, after is not None),
    )


def cursor_of(row: Model, field: str) -> str:
    """The cursor that names this row."""
    return _cursor(row, field)


def newer_than(rows: QuerySet[M], cursor: str, *, field: str) -> QuerySet[M]:
    """What came after the row that a cursor names; all of them where it names none."""
    seen = _read(cursor)
    return rows if seen is None else rows.filter(_beyond(field, seen, newer=True))


def _first(found: list[M], field: str, exists: bool) -> str | None:
    return _cursor(found[0], field) if found and exists else None


def _beyond(field: str, cursor: tuple[datetime, UUID], *, newer: bool) -> Q:
    moment, pk = cursor
    word = "gt" if newer else "lt"
    # The first condition alone lets Postgres walk the index; the second settles equal times.
    return Q(**{f"{field}__{word}e": moment}) & (Q(**{f"{field}__{word}": moment}) | Q(**{f"pk__{word}": pk}))


def _cursor(row: Any, field: str) -> str:
    text = json.dumps([getattr(row, field).isoformat(), str(row.pk)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor or len(cursor) > 200:
        return None
    try:
        moment, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        parsed = datetime.fromisoformat(moment)
        return (parsed, UUID(pk)) if parsed.tzinfo is not None else None
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return None
