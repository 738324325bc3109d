"""What changed between two versions of a definition: for people in words, for programs as JSON Patch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonpatch
import orjson

IDS = ("stepId", "branchId", "componentId", "fieldKey", "actionKey", "caseId", "name", "compensationFor")
"""Fields that name the members of a list: a member is compared with its namesake, wherever it stands."""


def patch_between(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON Patch (RFC 6902) that turns ``before`` into ``after``."""
    patch: list[dict[str, Any]] = jsonpatch.make_patch(before, after).patch
    return patch


def in_words(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """[{kind: added|removed|changed, path, message, before?, after?}], members of lists told apart by their id."""
    return list(changes(before, after))


def changes(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """The same for any two values; ``path`` is where they lie."""
    if before == after and type(before) is type(after):
        return
    left, right = _members(before), _members(after)
    if left is None or right is None:
        yield _change("changed", path, before, after)
        return
    for name in [*left, *(name for name in right if name not in left)]:
        if name not in right:
            yield _change("removed", (*path, name), left[name], None)
        elif name not in left:
            yield _change("added", (*path, name), None, right[name])
        else:
            yield from changes(left[name], right[name], (*path, name))
    common = [name for name in left if name in right]
    if isinstance(before, list) and common != [name for name in right if name in left]:
        yield {"kind": "changed", "path": ".".join(path), "message": f"The order within {_place(path)} changed."}


def _members(value: Any) -> Mapping[str, Any] | None:
    """The parts of an object, or of a list whose members all have a name of their own; None for anything else."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return None
    for field in IDS:
        names = [each.get(field) for each in value]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            return dict(zip([str(name) for name in names], value, strict=True))
    return None


def _change(kind: str, path: tuple[str, ...], before: Any, after: Any) -> dict[str, Any]:
    place = _place(path)
    if kind == "added":
        message = f"{place} is new: {_short(after)}"
    elif kind == "removed":
        message = f"{place} is gone; it was {_short(before)}"
    else:
        message = f"{place} was {_short(before)} and is {_short(after)}"
    change = {"kind": kind, "path": ".".join(path), "message": message}
    if kind != "added":
        change["before"] = before
    if kind != "removed":
        change["after"] = after
    return change


def _place(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the definition"


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 80 else text[:77] + "…"
