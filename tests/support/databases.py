"""A committed database for a test with real processes: they could not see into another's open transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """Create an empty database on the server of ``server_url`` and yield its URL; drop it at the end, whoever is in it."""
    name = f"test_{uuid4().hex[:12]}"
    identifier = sql.Identifier(name)
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    try:
        yield with_database(server_url, name)
    finally:
        with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
