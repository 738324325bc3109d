"""A warning for a person's task that nobody may take, as far as it is known who there is."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.checks import DocumentCatalog, check_workflow

MEMBERS = frozenset({"alice", "manager"})


def found(definition: dict[str, Any], members: frozenset[str] | None = MEMBERS) -> list[tuple[str, str]]:
    step = {"stepId": "ask", "type": "HUMAN_TASK", "taskDefinition": definition}
    violations = check_workflow({"workflowId": "w", "steps": [step]}, catalog=DocumentCatalog(members=members))
    assert {each.severity for each in violations} <= {"warning"}
    return [(each.code, each.pointer) for each in violations]


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        ({"assignee": "nobody"}, "/steps/0/taskDefinition/assignee"),
        ({"assigneeRole": "managr"}, "/steps/0/taskDefinition/assigneeRole"),
        ({"candidateUsers": ["nobody", "no one"]}, "/steps/0/taskDefinition/candidateUsers/0"),
        ({"candidateGroups": "empty team"}, "/steps/0/taskDefinition/candidateGroups"),
        ({}, "/steps/0"),
    ],
)
def test_names_of_nobody_are_told(definition: dict[str, Any], pointer: str) -> None:
    assert found(definition) == [("nobody-can-take", pointer)]


@pytest.mark.parametrize(
    "definition",
    [
        {"assignee": "alice"},
        {"assigneeRole": "manager"},
        {"candidateUsers": ["nobody", "alice"]},
        {"assigneeRole": "managr", "candidateUsers": ["alice"]},
        {"assignee": "${workflow.instance.id}"},
        {"assigneeRole": "managr", "assignee": "${workflow.instance.id}"},
    ],
)
def test_one_who_can_take_it_or_may_turn_out_to_is_enough(definition: dict[str, Any]) -> None:
    assert found(definition) == []


def test_where_it_is_not_known_who_there_is_nothing_is_said() -> None:
    assert found({"assigneeRole": "managr"}, None) == []
