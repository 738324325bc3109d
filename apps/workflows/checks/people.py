"""Tasks for people: whether anybody may take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.validation.violations import pointer_to

from .catalog import Catalog
from .findings import Findings, listed
from .outline import Outline, Step, mapping

NAMES = ("assignee", "assigneeRole", "candidateUsers", "candidateGroups")


def check_people(outline: Outline, catalog: Catalog, findings: Findings) -> None:
    """A warning for every HUMAN_TASK that nobody may take: nobody is named, or all who are named are nobody now."""
    named = {
        step.number: (step, list(_names(mapping(step.document, "taskDefinition"))))
        for step in outline.steps
        if step.type == "HUMAN_TASK"
    }
    # All names at once, so that the database is asked once.
    known = catalog.people({name for _, names in named.values() for _, name in names if "${" not in name})
    for step, names in named.values():
        if not names:
            findings.warning(
                "nobody-can-take",
                step.pointer,
                f"Nobody is named who may do {step.step_id!r}.",
                hint="Add assignee, assigneeRole, candidateUsers or candidateGroups to its taskDefinition.",
            )
        elif known is not None and not any("${" in name or name in known for _, name in names):
            _nobody(step, names, findings)


def _nobody(step: Step, names: list[tuple[str, str]], findings: Findings) -> None:
    findings.warning(
        "nobody-can-take",
        step.pointer + "/taskDefinition" + names[0][0],
        f"Nobody can take {step.step_id!r}: no active person is, or belongs to, {listed(name for _, name in names)}.",
        hint="Give the role or the team to somebody, or name others.",
        expected="a person, a team or a role with a member",
        found=" | ".join(name for _, name in names[:20]),
    )


def _names(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(pointer below the task definition, name) of everybody it names."""
    for field in NAMES:
        value = definition.get(field)
        if isinstance(value, str) and value:
            yield pointer_to(field), value
        for index, each in enumerate(value) if isinstance(value, list) else ():
            if isinstance(each, str) and each:
                yield pointer_to(field, index), each
