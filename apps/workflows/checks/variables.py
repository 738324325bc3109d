"""Variables: what each starts with must fit its schema."""

from __future__ import annotations

from collections.abc import Mapping

from apps.validation.schemas import check_instance
from apps.validation.violations import pointer_to

from .findings import Findings
from .outline import Outline, has_expressions, mapping


def check_variables(outline: Outline, findings: Findings) -> None:
    """`variables.<name>.initial` against `variables.<name>.schema`; a null start is always allowed."""
    for name, entry in mapping(outline.document, "variables").items():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("schema"), dict):
            continue
        if entry.get("initial") is not None and not has_expressions(entry["initial"]):
            pointer = pointer_to("variables", str(name), "initial")
            for violation in check_instance(entry["schema"], entry["initial"], pointer):
                findings.add(violation)
