"""HUMAN: nobody executes it; it is opened for a person. Here is only what its definition compiles to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.tasks.assignment import manual_parameters
from apps.validation.expressions import Template, compile_template

from .base import Site

# `input` is the task's own input, also when a workflow opens it: a definition means the same wherever it is used.
ROOTS = frozenset({"input"})


def human_sites(document: dict[str, Any]) -> Iterator[Site]:
    """Every place of a HUMAN definition with expressions."""
    parameters = (document.get("implementation") or {}).get("parameters") or {}
    yield Site("/implementation/parameters", parameters, ROOTS)


def compile_human(document: dict[str, Any]) -> Template:
    """The manual parameters as a template over `input`; `assignment.resolve` takes what it yields."""
    return compile_template(manual_parameters(document), roots=ROOTS)
