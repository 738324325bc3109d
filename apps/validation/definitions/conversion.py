"""Documents of other dialects, converted and checked together as if they were applied; nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from apps.auth.access import allowed
from apps.auth.models import User
from apps.validation.dialects import Change, Conversion, convert
from apps.validation.dialects.kinds import id_field
from apps.validation.problems import Problem
from apps.validation.schemas import check_document, registry
from apps.validation.violations import Violation, has_errors, in_order

from . import bundles
from .live import LiveKind


@dataclass(frozen=True, slots=True)
class Source:
    """One document as it came, and where from. `violations`: why it could not even be read."""

    name: str
    content: Any = None
    violations: tuple[Violation, ...] = ()


@dataclass(slots=True)
class Result:
    """What became of a source. `kept`: whether this installation stores definitions of the kind.

    `done`: what applying it would do (published, created, changed, unchanged); "" where it would be refused.
    """

    name: str
    kind: str
    document: Any
    changes: tuple[Change, ...]
    violations: list[Violation] = field(default_factory=list)
    kept: bool = False
    done: str = ""

    @property
    def valid(self) -> bool:
        return not has_errors(self.violations)

    @property
    def key(self) -> str:
        if not self.kind or not isinstance(self.document, dict):
            return ""
        kind = bundles.kept_kinds().get(self.kind)
        names = [kind.id_field if kind else f"{self.kind}Id", id_field(self.kind)]
        return next((self.document[name] for name in names if isinstance(self.document.get(name), str)), "")

    def as_json(self) -> dict[str, Any]:
        version = self.document.get("version", "1.0.0") if self.key else ""
        return {
            "source": self.name,
            "kind": self.kind or None,
            "id": self.key or None,
            "version": version if isinstance(version, str) and version else None,
            "valid": self.valid,
            "kept": self.kept,
            "done": self.done or None,
            "document": self.document,
            "changes": [change.as_json() for change in self.changes],
            "violations": [violation.as_json() for violation in self.violations],
        }


def convert_all(sources: Sequence[Source], *, actor: User) -> list[Result]:
    """Each source's conversion with every problem that applying all of them would meet, in the order they came.

    Documents see each other: a workflow may name a task that comes along. What the actor may not design is checked
    against its schema only.
    """
    results = [_converted(source) for source in sources]
    kinds = bundles.kept_kinds()
    kept = [each for each in results if each.kind in kinds and isinstance(each.document, dict)]
    # The very order in which applying them would take them, so that what one names is there.
    documents = {id(each.document): each for each in kept}
    ordered = bundles.in_order_of_naming([bundles.Document(each.name, each.document) for each in kept], kinds)
    with transaction.atomic():
        for result in (each for each in results if id(each.document) not in documents):
            _check(result, actor)
        for document in ordered:
            _check(documents[id(document.content)], actor)
        transaction.set_rollback(True)
    for result in results:
        result.violations = in_order(result.violations)
    return results


def _converted(source: Source) -> Result:
    if source.violations:
        return Result(source.name, "", None, (), list(source.violations))
    done: Conversion = convert(source.content)
    return Result(source.name, done.kind, done.document, done.changes, list(done.violations))


def _check(result: Result, actor: User) -> None:
    """Add the problems of the schema and, for kinds that are kept, those that applying it meets."""
    if result.kind not in registry:
        return
    # Where a question is open, what the checks say of the same place would only repeat it.
    asked = {each.pointer for each in result.violations if each.severity == "error"}
    found = _found(result, actor)
    result.violations += [each for each in found if each.pointer not in asked]
    result.done = result.done if result.valid else ""


def _found(result: Result, actor: User) -> list[Violation]:
    """The problems of the schema and, for kinds that are kept, those that applying it meets."""
    kind = bundles.kept_kinds().get(result.kind)
    result.kept = kind is not None
    if kind is None:
        unkept = Violation(
            "kind-not-kept",
            f"This installation does not keep definitions of the kind {result.kind}.",
            "/kind",
            "warning",
            "The converted document can be written to a file, and applied to an installation that keeps them.",
        )
        return [*check_document(result.kind, result.document), unkept]
    if isinstance(kind, LiveKind):
        return _found_of_live(kind, result, actor)
    if not allowed(actor, kind.design):
        refused = Violation("not-permitted", f"Saving it needs the permission {kind.design}.", "/kind")
        return [*check_document(result.kind, result.document), refused]
    publish = allowed(actor, f"publish:{kind.name}")
    try:
        with transaction.atomic():
            applied = bundles.apply_one(kind, result.document, actor, publish)
    except Problem as error:
        return error.violations or [Violation(error.code, error.detail)]
    result.done = applied.done
    row = kind.model.objects.get(key=applied.key, version=applied.version)
    return [Violation(**each) for each in row.violations]


def _found_of_live(kind: LiveKind, result: Result, actor: User) -> list[Violation]:
    try:
        with transaction.atomic():
            result.done = bundles.apply_live(kind, result.document, actor, True).done
    except Problem as error:
        return error.violations or [Violation(error.code, error.detail)]
    return []


def filled(source: Source, values: dict[str, str]) -> Source:
    """The source with the placeholders that `values` names filled in; others stay as they are."""
    return replace(source, content=bundles.filled(source.content, values, source.name, strict=False))
