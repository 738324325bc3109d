"""Permissions as text: what grants what. No database."""

from __future__ import annotations

import pytest

from apps.auth import rules
from apps.auth.catalogue import ROLES


@pytest.mark.parametrize(
    ("held", "asked", "scopes"),
    [
        ([], "view:task", set()),
        (["view:task"], "view:task", {"all"}),
        (["view:task"], "work:task", set()),
        (["view:task"], "view:instance", set()),
        (["view:task:own"], "view:task", {"own"}),
        (["view:task:own", "view:task:assigned"], "view:task", {"own", "assigned"}),
        (["view:task:own", "view:task"], "view:task", {"all"}),
        (["*"], "manage:user", {"all"}),
        (["view:*"], "view:instance", {"all"}),
        (["view:*"], "steer:instance", set()),
        (["*:task"], "manage:task", {"all"}),
        (["*:*:own"], "view:instance", {"own"}),
        (["view:*:assigned", "view:task:own"], "view:task", {"own", "assigned"}),
    ],
)
def test_a_permission_grants_what_it_names_and_nothing_else(held: list[str], asked: str, scopes: set[str]) -> None:
    assert rules.Grants(held).scopes(asked) == scopes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "view",
        "view:",
        ":task",
        "view:task:",
        "VIEW:task",
        "view:task:all",
        "view:task:department",
        "**",
        "view task",
        "view:task:own:x",
        "view:task\n",
    ],
)
def test_a_malformed_permission_is_refused_when_written_and_grants_nothing_when_found(text: str) -> None:
    with pytest.raises(ValueError, match="is not a permission"):
        rules.parse_permission(text)
    assert rules.Grants([text]).scopes("view:task") == frozenset()
    assert not rules.Grants([text]).unrestricted


@pytest.mark.parametrize("asked", ["view:task:own", "*", "view:*", "*:task"])
def test_asking_for_a_scope_or_a_wildcard_is_a_programming_error(asked: str) -> None:
    with pytest.raises(ValueError, match="plain action:resource"):
        rules.Grants(["*"]).scopes(asked)


def test_scopes_reach_objects_by_their_relation_to_the_actor() -> None:
    assert rules.covers(frozenset({"all"}), owned=False, assigned=False)
    assert rules.covers(frozenset({"own"}), owned=True, assigned=False)
    assert not rules.covers(frozenset({"own"}), owned=False, assigned=True)
    assert rules.covers(frozenset({"assigned"}), owned=False, assigned=True)
    assert not rules.covers(frozenset(), owned=True, assigned=True)


@pytest.mark.parametrize(
    ("parents", "cycle"),
    [
        ({}, []),
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c", "a"]),
        ({"a": ["gone"]}, []),
    ],
)
def test_a_circle_of_inheritance_is_found_and_named(parents: dict[str, list[str]], cycle: list[str]) -> None:
    assert rules.find_cycle(parents) == cycle


def test_a_long_chain_of_inheritance_is_no_problem() -> None:
    chain: dict[str, list[str]] = {f"r{n}": [f"r{n + 1}"] for n in range(5_000)}
    assert rules.find_cycle(chain) == []
    chain["r5000"] = ["r0"]
    assert len(rules.find_cycle(chain)) == 5_002


def test_waiting_doubles_after_the_free_failures_up_to_the_longest() -> None:
    back_off = rules.BackOff(free=3, longest=10)
    assert [back_off.seconds_after(n) for n in range(1, 9)] == [0, 0, 1, 2, 4, 8, 10, 10]
    assert back_off.seconds_after(10_000) == 10


def test_every_permission_and_parent_in_the_catalogue_is_well_formed() -> None:
    for name, spec in ROLES.items():
        for permission in spec.permissions:
            rules.parse_permission(permission)
        assert set(spec.parents) <= ROLES.keys(), name
    assert rules.find_cycle({name: spec.parents for name, spec in ROLES.items()}) == []
