"""What the expressions of one document can name: gathered from it before anything is converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.validation.expressions import ALL_ROOTS, TRIGGER_ROOTS

from . import values
from .kinds import fold

_STEP_LISTS = frozenset({"steps", "compensationsteps"})
_BRANCH_LISTS = frozenset({"branches", "parallelbranches"})
_MOST = 20_000


@dataclass(slots=True)
class Names:
    """`steps`: ids as they came → as they are written here. `input_schema`: as its author wrote it.

    `roots`: what is in scope; None where a form's or a response's own fields are, so that any name may be right.
    """

    roots: frozenset[str] | None = None
    steps: dict[str, str] = field(default_factory=dict)
    input_schema: Any = None
    variables: frozenset[str] = frozenset()
    takes_input: bool = False


def names_of(kind: str, document: Mapping[str, Any]) -> Names:
    """The names of a document of this kind."""
    if kind in ("trigger", "webhook", "webhookSubscription", "schedule"):
        return Names(TRIGGER_ROOTS)
    if kind not in ("workflow", "task"):
        return Names()
    found = Names(ALL_ROOTS if kind == "workflow" else None, takes_input=True)
    for name, value in document.items():
        match fold(name):
            case "inputschema" if isinstance(value, Mapping):
                found.input_schema = value
            case "variables" | "context" if isinstance(value, Mapping):
                found.variables |= frozenset(each for each in value if isinstance(each, str))
    if kind == "workflow":
        for each in _step_ids(document):
            found.steps.setdefault(each, values.step_id(each) or each)
    return found


def _step_ids(document: Mapping[str, Any]) -> Iterator[str]:
    """The id of every step at any depth, in lists as in maps."""
    pending: list[Mapping[str, Any]] = [document]
    seen = 0
    while pending and seen < _MOST:
        holder = pending.pop()
        for name, value in holder.items():
            if not isinstance(value, list | Mapping) or fold(name) not in _STEP_LISTS | _BRANCH_LISTS:
                continue
            entries = list(value.items()) if isinstance(value, Mapping) else [(None, each) for each in value]
            for key, step in entries:
                seen += 1
                if not isinstance(step, Mapping):
                    continue
                pending.append(step)
                if fold(name) in _BRANCH_LISTS:
                    continue
                named = next((step[each] for each in step if fold(each) == "stepid"), step.get("id", key))
                if isinstance(named, str):
                    yield named
