"""Time-ordered identifiers."""

from __future__ import annotations

import time
import uuid

from apps.auth.identifiers import uuid7


def test_it_is_a_version_7_uuid_that_tells_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_later_ones_sort_later() -> None:
    made = []
    for _ in range(50):
        made.append(uuid7())
        time.sleep(0.00001)
    assert made == sorted(made)


def test_many_made_at_once_differ() -> None:
    assert len({uuid7() for _ in range(20_000)}) == 20_000
