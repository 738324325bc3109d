"""The raw connection under Django's, for the statements that move many rows at once.

Rows go in as one JSON parameter that Postgres takes apart (``json_to_recordset``): one statement whatever their number,
and no per-row work in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import orjson
import psycopg
from django.db import connection


def raw_connection() -> psycopg.Connection[Any]:
    """psycopg's connection of this thread; inside ``transaction.atomic`` it is in that transaction."""
    connection.ensure_connection()
    raw = connection.connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def as_rows(rows: Any) -> str:
    """The parameter for ``json_to_recordset``."""
    return orjson.dumps(rows).decode()


def fetch(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run a prepared statement and return its rows."""
    return _execute(statement, parameters).fetchall()


def fetch_each(*queries: tuple[str, Sequence[Any]]) -> list[list[tuple[Any, ...]]]:
    """Run several statements in one round trip, in order, and return the rows of each."""
    connection_ = raw_connection()
    with connection_.pipeline():
        cursors = [
            psycopg.Cursor(connection_).execute(statement, parameters, prepare=True)
            for statement, parameters in queries
        ]
        return [cursor.fetchall() for cursor in cursors]


def pipeline() -> AbstractContextManager[Any]:
    """Within it, statements whose rows nobody reads go out together; an error shows at its end at the latest."""
    return raw_connection().pipeline()


def run(statement: str, *parameters: Any) -> int:
    """Run a prepared statement and return how many rows it touched."""
    return _execute(statement, parameters).rowcount


def _execute(statement: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
    # Not the connection's own cursor: Django's renders parameters into the text, which Postgres then plans every time.
    return psycopg.Cursor(raw_connection()).execute(statement, parameters, prepare=True)
