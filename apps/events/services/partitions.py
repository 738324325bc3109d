"""The weeks that the event store is divided by: made ahead, and dropped when they are older than is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import structlog
from django.db import connection, transaction

log = structlog.get_logger(__name__)

TABLES = ("events_event", "events_delivery")
AHEAD = 4
"""Weeks, this one included."""

_LOCK = 7_201_012
_KEYS_AT_ONCE = 10_000


def monday_of(moment: datetime) -> date:
    """The first day of the week (UTC) that a moment lies in."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def make_ahead(now: datetime) -> list[str]:
    """Make the partitions of this week and the next ones; returns those that are new. Safe to repeat, and at once."""
    made = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for table in TABLES:
            present = set(_partitions(table))
            for count in range(AHEAD):
                start = monday_of(now) + timedelta(weeks=count)
                name = f"{table}_p{start:%Y%m%d}"
                if name not in present:
                    _make(table, name, start)
                    made.append(name)
    return made


def _make(table: str, name: str, start: date) -> None:
    begin, end = f"{start}T00:00:00Z", f"{start + timedelta(weeks=1)}T00:00:00Z"
    with connection.cursor() as cursor:
        # Whoever records meanwhile waits, instead of putting into the default part what belongs here.
        cursor.execute(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE")
        # Filled before it is attached: what came while there was no part for it lies in the default part.
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        moved = f"DELETE FROM {table}_default WHERE recorded_at >= %s AND recorded_at < %s RETURNING *"  # noqa: S608
        cursor.execute(f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved", [begin, end])  # noqa: S608
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')")


def drop_older(now: datetime, keep: timedelta) -> list[str]:
    """Drop the weeks that ended longer ago than ``keep``, and forget the ids of their events. Returns what was dropped.

    A week with an event that is still queued, or a delivery that is still open, stays, and so do the ids from then on.
    """
    oldest = now - keep
    kept = datetime.combine(monday_of(oldest), datetime.min.time(), UTC)
    dropped = []
    with connection.cursor() as cursor:
        for name in sorted(_partitions("events_event")):
            stamp = name.removeprefix("events_event_p")
            if not stamp.isdigit():
                continue
            start = datetime.strptime(stamp, "%Y%m%d").replace(tzinfo=UTC)
            end = start + timedelta(weeks=1)
            if end > oldest:
                continue
            if _is_open(start, end):
                kept = min(kept, start)
                continue
            with transaction.atomic():
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                cursor.execute(f"DROP TABLE IF EXISTS events_delivery_p{stamp}")
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
            dropped.append(name)
            log.info("events.week_dropped", partition=name)
    left = _forget_unparted(kept)
    _forget_keys(kept if left is None else min(kept, left))
    return dropped


def _is_open(start: datetime, end: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM events_queuedevent WHERE recorded_at >= %s AND recorded_at < %s) OR EXISTS ("
            "SELECT 1 FROM events_delivery WHERE next_attempt_at IS NOT NULL AND recorded_at >= %s AND recorded_at < %s)",
            [start, end, start, end],
        )
        return bool(cursor.fetchone()[0])


def _forget_unparted(before: datetime) -> datetime | None:
    """Delete what lies in the default parts, which came while nobody made weeks; not what is open. Returns the oldest left."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM events_event_default e WHERE e.recorded_at < %s"
            " AND NOT EXISTS (SELECT 1 FROM events_queuedevent q WHERE q.event = e.id)"
            " AND NOT EXISTS (SELECT 1 FROM events_delivery d WHERE d.event = e.id AND d.next_attempt_at IS NOT NULL)",
            [before],
        )
        cursor.execute(
            "DELETE FROM events_delivery_default WHERE recorded_at < %s AND next_attempt_at IS NULL", [before]
        )
        cursor.execute("SELECT min(recorded_at) FROM events_event_default")
        oldest: datetime | None = cursor.fetchone()[0]
        return oldest


def _forget_keys(before: datetime) -> None:
    """The ids of events that are gone; in batches, for there may be millions."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "DELETE FROM events_eventkey WHERE event_id IN (SELECT k.event_id FROM events_eventkey k"
                " WHERE k.recorded_at < %s ORDER BY k.recorded_at LIMIT %s)",
                [before, _KEYS_AT_ONCE],
            )
            if cursor.rowcount < _KEYS_AT_ONCE:
                return


def _partitions(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = %s::regclass",
            [table],
        )
        return [row[0] for row in cursor.fetchall()]
