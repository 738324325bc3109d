"""The raw connection under Django's, for the statements that move many rows at once.

Rows go in as one JSON parameter that Postgres takes apart (``json_to_recordset``): one statement whatever their number,
and no per-row work in Python. What Postgres refuses is raised as Django's errors (``django.db.OperationalError`` …), like
everything else in this code base, so that nobody has to know which statement went which way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def _database() -> BaseDatabaseWrapper:
    # Asked for once per statement: every look through Django's proxy costs as much as sending a small parameter.
    wrapper: BaseDatabaseWrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    return wrapper


def raw_connection() -> psycopg.Connection[Any]:
    """psycopg's connection of this thread; inside ``transaction.atomic`` it is in that transaction."""
    raw: psycopg.Connection[Any] = _database().connection
    return raw


def as_rows(rows: Any) -> str:
    """The parameter for ``json_to_recordset``."""
    return orjson.dumps(rows).decode()


def fetch(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run a prepared statement and return its rows."""
    database = _database()
    with database.wrap_database_errors:
        return _execute(database, statement, parameters).fetchall()


def fetch_named(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """The same with parameters that have names, for a statement that says the same one often."""
    database = _database()
    with database.wrap_database_errors:
        return _execute(database, statement, parameters).fetchall()


def fetch_each(*queries: tuple[str, Sequence[Any]]) -> list[list[tuple[Any, ...]]]:
    """Run several statements in one round trip, in order, and return the rows of each."""
    database = _database()
    with database.wrap_database_errors, database.connection.pipeline():
        cursors = [_execute(database, statement, parameters) for statement, parameters in queries]
        return [cursor.fetchall() for cursor in cursors]


@contextmanager
def pipeline() -> Iterator[None]:
    """Within it, statements whose rows nobody reads go out together; an error shows at its end at the latest."""
    database = _database()
    with database.wrap_database_errors, database.connection.pipeline():
        yield


def run(statement: str, *parameters: Any) -> int:
    """Run a prepared statement and return how many rows it touched."""
    database = _database()
    with database.wrap_database_errors:
        return _execute(database, statement, parameters).rowcount


@contextmanager
def fresh_connection_after_a_loss() -> Iterator[None]:
    """Give up this thread's connection when it breaks: Django would go on with the broken one."""
    try:
        yield
    except (OperationalError, InterfaceError):
        connections[DEFAULT_DB_ALIAS].close()
        raise


def _execute(
    database: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> psycopg.Cursor[Any]:
    # Not the connection's own cursor: Django's renders parameters into the text, which Postgres then plans every time.
    return psycopg.Cursor(database.connection).execute(statement, parameters, prepare=True)
