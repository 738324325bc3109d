"""What a definition says of the events that its tasks record: `onComplete` when one is done, `onFailure` when it is given up.

{emit: [{pattern, payload}]}, the same form as a workflow's. A payload is a template over `input`, `task` {id, taskId, version},
and `output` or `error` {type, code, message, details}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.validation.expressions import Template, compile_template
from apps.validation.violations import pointer_to

from .base import Site

ON_COMPLETE, ON_FAILURE = "onComplete", "onFailure"
ROOTS = {ON_COMPLETE: frozenset({"input", "output", "task"}), ON_FAILURE: frozenset({"input", "error", "task"})}

Emissions = tuple[tuple[str, Template | None], ...]
"""(pattern, payload) of each event; without a payload it is {}."""


def compile_emissions(document: dict[str, Any], moment: str) -> Emissions:
    """The events of `moment`: ON_COMPLETE or ON_FAILURE. Raises ExpressionError."""
    return tuple(
        (entry["pattern"], compile_template(entry["payload"], roots=ROOTS[moment]) if "payload" in entry else None)
        for entry in (document.get(moment) or {}).get("emit", ())
    )


def emitted(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(pointer, {pattern, payload?}) of every event that the document names."""
    for moment in ROOTS:
        for index, entry in enumerate((document.get(moment) or {}).get("emit", ())):
            yield pointer_to(moment, "emit", index), entry


def emission_sites(document: dict[str, Any]) -> Iterator[Site]:
    """Every payload: a place with expressions."""
    for pointer, entry in emitted(document):
        moment = pointer.split("/")[1]
        yield Site(f"{pointer}/payload", entry.get("payload"), ROOTS[moment])
