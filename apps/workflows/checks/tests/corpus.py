"""The corpus of small workflow documents: `broken/` with the findings each must get, `good/` with none."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from apps.workflows.checks import DocumentCatalog

HERE = Path(__file__).parent
EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def names(kind: str) -> list[str]:
    """The documents in `broken` or `good`, by name."""
    return sorted(path.stem for path in (HERE / kind).glob("*.json"))


def read(kind: str, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(workflow document, expected findings)."""
    entry = json.loads((HERE / kind / f"{name}.json").read_text())
    return {"workflowId": "under-test", "name": "Under test", "version": "1.0.0"} | entry["workflow"], entry.get(
        "expect", []
    )


@cache
def catalog() -> DocumentCatalog:
    """The tasks, events and workflows that the corpus names."""
    return DocumentCatalog.of(json.loads((HERE / "catalog.json").read_text()))
