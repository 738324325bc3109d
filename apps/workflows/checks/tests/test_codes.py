"""The README names every code, and the corpus shows every one."""

from __future__ import annotations

import json
import re
from pathlib import Path

from apps.workflows.checks.tests.corpus import HERE, names, read

ROOM = Path(__file__).resolve().parents[1]
# A finding is made by `error(`, `warning(` or `report(`, by `Misfit(` or `_unknown(`, with the code as its first text.
MADE = re.compile(r'(?:\.error|\.warning|report|Misfit|_unknown)\(\s*"([a-z-]+)"')
ELSEWHERE = {"type", "required", "choice"}
"""Codes of the validation app, explained there."""


def codes_made() -> set[str]:
    return {code for path in ROOM.glob("*.py") for code in MADE.findall(path.read_text())}


def test_the_readme_names_every_code() -> None:
    table = set(re.findall(r"`([a-z-]+)`", (ROOM / "README.md").read_text()))
    assert codes_made() - table == set()


def test_the_corpus_shows_every_code() -> None:
    shown = {each["code"] for name in names("broken") for each in read("broken", name)[1]}
    assert codes_made() - shown - ELSEWHERE == set()


def test_the_corpus_is_large_and_tidy() -> None:
    assert len(names("broken")) >= 150
    assert len(names("good")) >= 50
    for path in HERE.glob("*/*.json"):
        assert json.loads(path.read_text())["workflow"]["steps"], path
