"""Every broken document gets exactly the findings it must get; good ones get none."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from apps.validation.schemas import check_document
from apps.validation.violations import Violation
from apps.workflows.checks import check_workflow
from apps.workflows.checks.tests.corpus import catalog, names, read

# These break a rule that the JSON Schema has too; the checks must hold without it.
ALSO_BY_SCHEMA = {"too-many-steps", "a-step-without-a-task", "a-person-task-for-nobody"}


def as_expected(found: Violation, expected: dict[str, Any]) -> dict[str, Any]:
    """The finding, with the fields that the corpus file speaks of."""
    return {name: value for name, value in found.as_json().items() if name in expected or name in ("code", "pointer")}


@pytest.mark.parametrize("name", names("broken"))
def test_a_broken_document_gets_its_findings_and_no_others(name: str) -> None:
    document, expected = read("broken", name)
    found = check_workflow(document, catalog=catalog())
    by_place = {(each["code"], each["pointer"]): each for each in expected}
    got = [as_expected(each, by_place.get((each.code, each.pointer), {})) for each in found]
    assert sorted(got, key=str) == sorted(expected, key=str), [each.as_json() for each in found]


@pytest.mark.parametrize("name", names("broken"))
def test_every_finding_says_what_and_where(name: str) -> None:
    document, _ = read("broken", name)
    for found in check_workflow(document, catalog=catalog()):
        assert found.message.endswith((".", "?"))
        assert pointer_leads_somewhere(document, found.pointer), found.pointer


@pytest.mark.parametrize("name", names("good"))
def test_a_good_document_gets_no_findings(name: str) -> None:
    document, _ = read("good", name)
    assert [each.as_json() for each in check_workflow(document, catalog=catalog())] == []


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in ("broken", "good") for name in names(kind)])
def test_the_corpus_fits_the_schema_of_workflows(kind: str, name: str) -> None:
    if name not in ALSO_BY_SCHEMA:
        document, _ = read(kind, name)
        assert [each.as_json() for each in check_document("workflow", document)] == []


def test_a_fix_makes_its_finding_go_away() -> None:
    fixed = 0
    for name in names("broken"):
        document, _ = read("broken", name)
        for found in check_workflow(document, catalog=catalog()):
            if found.fix:
                again = check_workflow(patched(document, found.fix), catalog=catalog())
                assert (found.code, found.pointer) not in {(each.code, each.pointer) for each in again}, name
                fixed += 1
    assert fixed >= 8


def patched(document: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """The document after the `add`, `replace` and `move` operations of a JSON Patch."""
    result = copy.deepcopy(document)
    for operation in patch:
        value = operation.get("value")
        if operation["op"] == "move":
            holder, key = holder_of(result, operation["from"])
            value = holder.pop(key)
        holder, key = holder_of(result, operation["path"])
        holder[key] = value
    return result


def holder_of(document: Any, pointer: str) -> tuple[Any, Any]:
    *path, last = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    for token in path:
        document = document[int(token) if isinstance(document, list) else token]
    return document, int(last) if isinstance(document, list) else last


def pointer_leads_somewhere(document: Any, pointer: str) -> bool:
    if not pointer:
        return True
    holder, key = holder_of(document, pointer)
    return key < len(holder) if isinstance(holder, list) else key in holder
