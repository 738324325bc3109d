"""What depends on a definition, and what would break if it changed: places by pointer, and how much is running."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from apps.validation.violations import Violation

from .kinds import known_kinds
from .live import live_kinds
from .models import Definition
from .services import DefinitionKind, Reference

Running = Callable[[str, str], dict[str, int]]
"""(kind, key) → runs under way, by version"""

MOST = 100
"""Definitions looked into for one answer; `unchecked` says how many more there are."""


def impact(
    kind: DefinitionKind[Any],
    row: Definition,
    proposed: dict[str, Any] | None = None,
    *,
    readable: Callable[[str], bool] = lambda other: True,
) -> dict[str, Any]:
    """What names ``row``'s definition, and with ``proposed`` what breaks if that document was published in its place.

    {definitions: [{kind, id, version, status, pointer, running, pinned}], running: {version: count}, reads: [{kind, id,
    version, pointer, column, path, expression}], breaks: [{kind, id, version, status, pinned, running, violations}],
    proposed: version or None, runs, unchecked, sentences: [text]}.

    ``definitions``: of each definition that is in use, its newest version and its newest published one, where they name
    this one. ``breaks``: findings that those would have with the proposed document and do not have now. ``pinned``: the
    version they stay with until they are published again. ``readable``: the kinds whose documents may be shown; of others
    it is only told that they break.
    """
    name = called(kind, row.document)
    running: Running = cache(lambda other, key: known_kinds()[other].running(key))
    dependents = list(_dependents(kind, row.key, name))
    definitions = [
        _about(other, each, running(other.name, each.key))
        | {"pointer": reference.pointer, "pinned": reference.version or other.pinned(each, kind.name, name)}
        for other, each, references in dependents
        for reference in references
    ]
    definitions += [each for other in live_kinds().values() for each in other.dependents(kind.name, name)]
    looked = dependents[:MOST]
    reads = [
        {"kind": other.name, "id": each.key, "version": each.version}
        | {"pointer": read.pointer, "column": read.column, "path": read.path, "expression": read.expression}
        for other, each, _ in looked
        if readable(other.name)
        for read in other.reads(each.document, kind.name, name)
    ]
    breaks = []
    if proposed is not None:
        for other, each, references in looked:
            if new := _broken(other, each, kind, row, proposed):
                pinned = _pinned(other, each, kind, name, references)
                about = _about(other, each, running(other.name, each.key)) | {"pinned": pinned}
                breaks.append(about | {"violations": [violation.as_json() for violation in new]})
    said = [] if proposed is None else _sentences(breaks, proposed, running)
    for entry in breaks:
        if not readable(entry["kind"]):
            entry["violations"] = []
    own = kind.running(row.key)
    by_id = {(other.name, each.key): sum(running(other.name, each.key).values()) for other, each, _ in dependents}
    return {
        "definitions": definitions,
        "running": own,
        "reads": reads,
        "proposed": None if proposed is None else proposed.get("version", "1.0.0"),
        "breaks": breaks,
        "runs": sum(by_id.values()) + sum(own.values()),
        "unchecked": len(dependents) - len(looked),
        "sentences": said,
    }


def called(kind: DefinitionKind[Any], document: dict[str, Any]) -> str:
    """What other definitions call this one by."""
    return str(document.get(kind.id_field, "")) if kind.called is None else kind.called(document)


def _about(other: DefinitionKind[Any], row: Definition, running: dict[str, int]) -> dict[str, Any]:
    return {
        "kind": other.name,
        "id": row.key,
        "version": row.version,
        "status": row.status,
        "running": running.get(row.version, 0),
    }


def _dependents(
    kind: DefinitionKind[Any], key: str, name: str
) -> Iterable[tuple[DefinitionKind[Any], Definition, list[Reference]]]:
    for other in known_kinds().values():
        for row in _in_use(other, name, wildcards=kind.meant is not None):
            found = [
                each
                for each in other.references(row.document)
                if each.kind == kind.name
                and (each.key == name or (kind.meant is not None and kind.meant(each.key, name)))
            ]
            # A workflow that names itself is what is being changed, not what depends on it.
            if found and not (other.name == kind.name and row.key == key):
                yield other, row, found


def _broken(
    other: DefinitionKind[Any], each: Definition, kind: DefinitionKind[Any], row: Definition, proposed: dict[str, Any]
) -> list[Violation]:
    """Findings of a dependent with the proposed document that it has not with what is stored."""
    if other.checks_if is None:
        return []
    instead = {(kind.name, called(kind, proposed)): proposed}
    if (old := called(kind, row.document)) != called(kind, proposed):
        # Under another name it is no longer there under the old one.
        instead[(kind.name, old)] = {"version": proposed.get("version", "1.0.0")}
    before = {_identity(violation) for violation in other.checks_if(each.document, {})}
    after = other.checks_if(each.document, instead)
    return [violation for violation in after if _identity(violation) not in before]


def _identity(violation: Violation) -> tuple[str, str, str, int | None]:
    return violation.code, violation.pointer, violation.message, violation.column


def _pinned(
    other: DefinitionKind[Any], each: Definition, kind: DefinitionKind[Any], name: str, references: list[Reference]
) -> str | None:
    """The version that it stays with, if that holds for every place that names the definition."""
    versions = [reference.version or other.pinned(each, kind.name, name) for reference in references]
    return versions[0] if all(versions) else None


def _sentences(breaks: list[dict[str, Any]], proposed: dict[str, Any], running: Running) -> list[str]:
    """What follows, for people, the worst first."""
    ids = {(each["kind"], each["id"]) for each in breaks}
    if not ids:
        return ["Nothing that names it breaks."]
    errors, warnings = _count(breaks, "error"), _count(breaks, "warning")
    places = ([_some(errors, "error")] if errors else []) + ([_some(warnings, "warning")] if warnings else [])
    said = [f"Publishing this breaks {_some(len(ids), 'definition')}: {' and '.join(places)}."]
    pinned = {(each["kind"], each["id"]): each["pinned"] for each in breaks if each["pinned"]}
    loose = sum(sum(running(*each).values()) for each in ids - pinned.keys())
    held = sum(sum(running(*each).values()) for each in pinned)
    if pinned:
        said.append(
            f"{_some(len(pinned), 'published definition')} stay{'s' if len(pinned) == 1 else ''} with the version named"
            " there until published again"
            + (f", and so do{'es' if held == 1 else ''} {_some(held, 'run')} under way." if held else ".")
        )
    if loose:
        said.append(f"{_some(loose, 'run')} under way will meet version {proposed.get('version', '1.0.0')}.")
    return said


def _count(breaks: list[dict[str, Any]], severity: str) -> int:
    return sum(violation["severity"] == severity for each in breaks for violation in each["violations"])


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _in_use(kind: DefinitionKind[Any], mentioned: str, *, wildcards: bool) -> list[Definition]:
    """The newest and the newest published version of every definition of a kind whose text mentions a name.

    ``wildcards``: also those with an asterisk, which may stand for it.
    """
    found: list[Definition] = []
    last = newest_published = None
    # The text search only narrows down; whether the mention is a reference is for the kind to say.
    texts = [f'%"{mentioned}"%', *(["%*%"] if wildcards else [])]
    rows = kind.rows().live().newest_first()
    for row in rows.extra(where=["document::text LIKE ANY(%s)"], params=[texts]):
        if row.key != last:
            last, newest_published = row.key, None
            found.append(row)
            if row.status == Definition.Status.PUBLISHED:
                newest_published = row
        elif newest_published is None and row.status == Definition.Status.PUBLISHED:
            newest_published = row
            found.append(row)
    return found
