"""One document of any dialect → one in our language, with everything that was changed and everything that is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.validation.schemas import registry
from apps.validation.schemas.renames import shown
from apps.validation.violations import Violation

from .kinds import KINDS, fold, looks_like, named
from .names import Names, names_of
from .result import Change, Choice, Conversion, OpenChoice
from .shapes import HOOKS, WORDS
from .walk import Walk


def convert(document: Any, *, kind: str = "") -> Conversion:
    """Convert one document. `kind`: what it is, where it does not say so itself.

    A kind of the registry that people do not write (a recorded run, say) is handed on unchanged.
    """
    if not isinstance(document, Mapping):
        return Conversion("", document, (), (Violation("type", "A definition is a JSON object."),))
    changes: list[Change] = []
    document = dict(document)
    try:
        document = _unwrapped(document, changes)
        found, document, problem = _with_kind(document, kind, changes)
        if problem is not None:
            return Conversion("", document, tuple(changes), (problem,))
        if found not in KINDS:
            return Conversion(found, document, tuple(changes))
        walk = Walk(found, names_of(found, document), HOOKS, WORDS, changes)
        done = walk.run(document)
        walk.violations += _collisions(walk.names)
    except RecursionError:
        return Conversion("", document, (), (Violation("too-deep", "The document is nested too deeply."),))
    return Conversion(found, done, tuple(walk.changes), tuple(walk.violations))


def _unwrapped(document: dict[str, Any], changes: list[Change]) -> dict[str, Any]:
    """`{"workflow": {…}}` is the workflow itself."""
    if len(document) != 1:
        return document
    [(name, inner)] = document.items()
    if not isinstance(inner, dict) or not named(name):
        return document
    kind = named(name)
    changes.append(Change("", name, kind, f"What stands in `{name}` is the {kind} itself."))
    return {"kind": kind} | inner


def _with_kind(
    document: dict[str, Any], given: str, changes: list[Change]
) -> tuple[str, dict[str, Any], Violation | None]:
    """The kind, and the document that begins with it."""
    written = document.get("kind")
    if isinstance(written, str) and written in registry and "/" not in written:
        return written, document, None
    if isinstance(written, str) and (kind := named(written)):
        changes.append(Change("/kind", written, kind, "The kind is spelled so here."))
        return kind, document | {"kind": kind}, None
    kind = given or looks_like(document)
    marker = document.get("type")
    if not kind and isinstance(marker, str) and (kind := named(marker)):
        rest = {name: value for name, value in document.items() if name != "type"}
        changes.append(Change("/kind", "type", "kind", "`type` said what the document is; that is its `kind`."))
        return kind, {"kind": kind} | rest, None
    if written is not None and (kind or not isinstance(written, str)):
        listed = f"It looks like a {kind}. " if kind else ""
        choices = (Choice(kind, [{"op": "replace", "path": "/kind", "value": kind}]),) if kind else ()
        message = f"There is no kind {shown(written)}."
        return (
            "",
            document,
            OpenChoice("kind-unknown", message, "/kind", hint=f"{listed}Kinds: {', '.join(KINDS)}.", choices=choices),
        )
    if written is not None:
        return (
            "",
            document,
            OpenChoice(
                "kind-unknown", f"There is no kind {shown(written)}.", "/kind", hint=f"Kinds: {', '.join(KINDS)}."
            ),
        )
    if not kind:
        return (
            "",
            document,
            OpenChoice(
                "kind-unclear",
                "Nothing says what kind of definition this is.",
                hint=f"Add `kind`, one of {', '.join(KINDS)}.",
                choices=tuple(Choice(each, [{"op": "add", "path": "/kind", "value": each}]) for each in KINDS),
            ),
        )
    redundant = [
        name for name in ("type",) if isinstance(marker, str) and fold(marker) == fold(kind) and kind == "workflow"
    ]
    rest = {name: value for name, value in document.items() if name not in ("kind", *redundant)}
    changes.append(Change("/kind", "type" if redundant else None, kind, f"Its fields are those of the kind `{kind}`."))
    return kind, {"kind": kind} | rest, None


def _collisions(names: Names) -> list[Violation]:
    """Steps whose ids became the same."""
    taken: dict[str, str] = {}
    found = []
    for before, after in names.steps.items():
        if after in taken and taken[after] != before:
            found.append(
                Violation(
                    "id-collision",
                    f"The steps {taken[after]!r} and {before!r} would both be called {after!r}.",
                    "/steps",
                    hint="Give one of them another id.",
                )
            )
        taken.setdefault(after, before)
    return found
