"""Running the same call on many real threads at once, each with a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(times: int, call: Callable[[], T]) -> list[T | Exception]:
    """What each call returned or raised. All start together."""
    start = Barrier(times)

    def run(_: int) -> T | Exception:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
