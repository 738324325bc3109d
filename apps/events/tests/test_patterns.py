"""Patterns, paths and keys: three ways to say whether an event is meant agree with each other."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from apps.events.matching import ANYTHING, correlation_key, keep_shapes, keys_of
from apps.events.rules import ends_of, fits, regex_of, value_at
from apps.events.tests.factories import new_event, recorded
from apps.events.tests.statements import counted_statements

NAMES = [".".join(words) for count in range(1, 5) for words in itertools.product("ab", repeat=count)]
PATTERNS = [
    ".".join(words) for count in range(1, 5) for words in itertools.product(("a", "b", "*", "**"), repeat=count)
]


@pytest.mark.parametrize(
    ("pattern", "name", "yes"),
    [
        ("bookings.*", "bookings.created", True),
        ("bookings.*", "bookings", False),
        ("bookings.*", "bookings.created.late", False),
        ("*.created", "bookings.created", True),
        ("finance.**", "finance", True),
        ("finance.**", "finance.invoices.paid", True),
        ("**.paid", "paid", True),
        ("a.**.z", "a.z", True),
        ("a.**.z", "a.b.c.z", True),
        ("**", "anything.at.all", True),
    ],
)
def test_a_star_is_one_segment_and_two_are_any_number(pattern: str, name: str, yes: bool) -> None:
    assert fits(pattern, name) is yes


def test_the_regular_expression_of_a_pattern_says_the_same() -> None:
    wrong = [
        (pattern, name)
        for pattern in PATTERNS
        for name in NAMES
        if bool(re.match(regex_of(pattern), name)) != fits(pattern, name)
    ]
    assert not wrong


def test_what_a_pattern_begins_and_ends_with_is_what_the_names_that_fit_it_begin_and_end_with() -> None:
    for pattern in PATTERNS:
        head, tail = ends_of(pattern)
        for name in NAMES:
            if fits(pattern, name):
                assert name.startswith(head)
                assert name.endswith(tail)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("payload.a", (True, 1)),
        ("payload.list[1].b", (True, 2)),
        ("payload.list[2]", (False, None)),
        ("payload.none", (True, None)),
        ("payload.none.x", (False, None)),
        ("payload.missing", (False, None)),
        ("payload.a[0]", (False, None)),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path: str, found: tuple[bool, Any]) -> None:
    assert value_at({"payload": {"a": 1, "list": [0, {"b": 2}], "none": None}}, path) == found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"p": 1}, {"p": 1.0}, True),
        ({"p": {"x": [1.0, {"y": 2}]}}, {"p": {"x": [1, {"y": 2.0}]}}, True),
        ({"p": 1}, {"p": "1"}, False),
        ({"p": True}, {"p": 1}, False),
        ({"p": None}, {"p": False}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"p": 10**30}, {"p": 1e30}, True),
    ],
)
def test_a_key_is_the_same_where_expressions_find_the_values_equal(one: Any, other: Any, same: bool) -> None:
    assert (correlation_key(one) == correlation_key(other)) is same


@pytest.mark.django_db
class TestKeys:
    def test_an_event_is_looked_up_under_every_shape_that_fits_its_name(self) -> None:
        keep_shapes("us", [("order.*", ["payload.id"]), ("order.paid", []), ("*.paid", ["payload.id", "payload.to"])])
        keep_shapes("us", [("order.paid", []), ("shop.**", []), ("**", ["payload.missing"])])
        keep_shapes("them", [("order.paid", [])])
        [event] = recorded(new_event(payload={"id": 7, "to": "bob"}))
        assert sorted(keys_of("us", [event])[0]) == sorted(
            [
                ("order.*", correlation_key({"payload.id": 7})),
                ("order.paid", ANYTHING),
                ("*.paid", correlation_key({"payload.id": 7, "payload.to": "bob"})),
            ]
        )

    def test_a_thousand_events_and_shapes_cost_one_statement(self) -> None:
        keep_shapes("us", [(f"order.kind{n}", []) for n in range(1_000)])
        events = recorded(*(new_event(f"e-{n}", f"order.kind{n}") for n in range(1_000)))
        with counted_statements() as seen:
            keys = keys_of("us", events)
        assert len(seen) == 1
        assert [len(each) for each in keys] == [1] * 1_000
