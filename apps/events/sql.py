"""The raw connection under Django's, for the statements that move many rows at once.

Rows go in as one JSON parameter that Postgres takes apart (``json_to_recordset``): one statement whatever their number,
and no per-row work in Python. What Postgres refuses is raised as Django's errors (``django.db.OperationalError`` …), like
everything else in this code base, so that nobody has to know which statement went which way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connections


def raw_connection() -> psycopg.Connection[Any]:
    """psycopg's connection of this thread; inside ``transaction.atomic`` it is in that transaction."""
    # Through the handler once: each look through Django's proxy costs as much as a small statement's parameters.
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    raw: psycopg.Connection[Any] = wrapper.connection
    return raw


def as_rows(rows: Any) -> str:
    """The parameter for ``json_to_recordset``."""
    return orjson.dumps(rows).decode()


def fetch(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run a prepared statement and return its rows."""
    with connection.wrap_database_errors:
        return _execute(statement, parameters).fetchall()


def fetch_each(*queries: tuple[str, Sequence[Any]]) -> list[list[tuple[Any, ...]]]:
    """Run several statements in one round trip, in order, and return the rows of each."""
    connection_ = raw_connection()
    with connection.wrap_database_errors, connection_.pipeline():
        cursors = [
            psycopg.Cursor(connection_).execute(statement, parameters, prepare=True)
            for statement, parameters in queries
        ]
        return [cursor.fetchall() for cursor in cursors]


@contextmanager
def pipeline() -> Iterator[None]:
    """Within it, statements whose rows nobody reads go out together; an error shows at its end at the latest."""
    raw = raw_connection()
    with connection.wrap_database_errors, raw.pipeline():
        yield


def run(statement: str, *parameters: Any) -> int:
    """Run a prepared statement and return how many rows it touched."""
    with connection.wrap_database_errors:
        return _execute(statement, parameters).rowcount


def _execute(statement: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
    # Not the connection's own cursor: Django's renders parameters into the text, which Postgres then plans every time.
    return psycopg.Cursor(raw_connection()).execute(statement, parameters, prepare=True)
