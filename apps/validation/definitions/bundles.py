"""Bundles: definition documents that belong together, read from files, checked, applied in one transaction, written back.

A file holds one document, or a list of them; each carries its ``kind``. ``{{name}}`` inside a string stands for a value
that is given when the bundle is applied (an address that differs from place to place).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from apps.auth.models import User
from apps.validation.problems import Problem, Unprocessable
from apps.validation.strict_json import loads
from apps.validation.violations import Violation

from . import services
from .kinds import known_kinds
from .live import LiveKind, live_kinds
from .models import Definition

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Document:
    """One definition of a bundle. ``source``: the file it came from."""

    source: str
    content: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.content.get("kind", ""))


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did with a definition: created, changed, published, unchanged, or left out."""

    kind: str
    key: str
    version: str
    done: str


def read(path: Path, values: Mapping[str, str]) -> list[Document]:
    """Every definition in a file, or in the .json files below a folder; files whose content has no ``kind`` are passed over.

    Raises Unprocessable for what is no JSON, and for a placeholder that ``values`` does not name.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found: list[Document] = []
    for file in files:
        try:
            content = loads(file.read_bytes())
        except Problem as error:
            raise Unprocessable(f"{file}: {error.detail}", violations=error.violations) from error
        documents = content if isinstance(content, list) else [content]
        found += [
            Document(str(file), _filled(document, values, str(file)))
            for document in documents
            if isinstance(document, dict) and "kind" in document
        ]
    return found


def _filled(value: Any, values: Mapping[str, str], source: str) -> Any:
    if isinstance(value, str):
        for name in _PLACEHOLDER.findall(value):
            if name not in values:
                raise Unprocessable(f"{source} needs a value for {{{{{name}}}}}; give it with --set {name}=…")
        return _PLACEHOLDER.sub(lambda match: values[match[1]], value)
    if isinstance(value, dict):
        return {name: _filled(each, values, source) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values, source) for each in value]
    return value


@transaction.atomic
def apply(documents: Sequence[Document], *, actor: User, publish: bool = True) -> list[Applied]:
    """Save and publish a bundle: all of it or, with every problem of every document in one Unprocessable, nothing."""
    kinds: dict[str, services.DefinitionKind[Any] | LiveKind] = {**known_kinds(), **live_kinds()}
    problems = [
        Violation(
            "unknown-kind", f"{each.source}: there is no kind {each.kind!r} here.", hint=f"Kinds: {', '.join(kinds)}."
        )
        for each in documents
        if each.kind not in kinds
    ]
    ordered = sorted((each for each in documents if each.kind in kinds), key=lambda each: kinds[each.kind].order)
    done: list[Applied] = []
    for document in ordered:
        kind = kinds[document.kind]
        # Whoever is named later in the order may name what was applied before, so each is published at once.
        try:
            with transaction.atomic():
                if isinstance(kind, LiveKind):
                    done.append(_apply_live(kind, document.content, actor, publish))
                else:
                    done.append(_apply_one(kind, document.content, actor, publish))
        except Problem as error:
            problems += _located(document.source, error)
    if problems:
        raise Unprocessable(violations=problems)
    return done


def _apply_one(kind: services.DefinitionKind[Any], content: dict[str, Any], actor: User, publish: bool) -> Applied:
    key, version = str(content.get(kind.id_field)), str(content.get("version", "1.0.0"))
    stored = kind.model.objects.filter(key=key, version=version).first()
    if stored is not None and stored.status == Definition.Status.PUBLISHED:
        if stored.checksum == services.content_checksum({**content, "version": version}):
            return Applied(kind.name, key, version, "unchanged")
        message = f"{key} {version} is published with another content; raise its version to change it."
        raise Unprocessable(violations=[Violation("published-differently", message, "/version")])
    _, created = services.save_draft(kind, actor=actor, document=content)
    if publish:
        services.publish(kind, actor=actor, key=key, version=version)
    return Applied(kind.name, key, version, "published" if publish else "created" if created else "changed")


def _apply_live(kind: LiveKind, content: dict[str, Any], actor: User, publish: bool) -> Applied:
    if not publish:  # it would be in force at once, on definitions that are not
        return Applied(kind.name, str(content.get(f"{kind.name}Id", "")), "", "left out")
    key, done = kind.apply(actor, content)
    return Applied(kind.name, key, "", done)


def _located(source: str, error: Problem) -> list[Violation]:
    violations = error.violations or [Violation(error.code, error.detail)]
    return [
        Violation(each.code, f"{source}: {each.message}", each.pointer, each.severity, each.hint, each.fix, each.column)
        for each in violations
    ]


def check(documents: Sequence[Document], *, actor: User) -> list[Violation]:
    """Every problem that applying the bundle would meet; nothing is kept."""
    try:
        with transaction.atomic():
            apply(documents, actor=actor)
            transaction.set_rollback(True)
    except Unprocessable as error:
        return error.violations
    return []


def export(kinds: Iterable[str], into: Path) -> list[Path]:
    """Write the newest published version of every definition of these kinds, one file each. Returns the files."""
    written = []
    known, live = known_kinds(), live_kinds()
    into.mkdir(parents=True, exist_ok=True)
    for name in kinds:
        if name in live:
            written += [_write(into, name, key, document) for key, document in live[name].documents()]
            continue
        kind = known[name]
        last = None
        for row in kind.model.objects.published().newest_first():
            if row.key != last:
                last = row.key
                written.append(_write(into, name, row.key, row.document))
    return written


def _write(into: Path, kind: str, key: str, document: dict[str, Any]) -> Path:
    path = into / f"{kind}.{key}.json"
    path.write_text(json.dumps({"kind": kind, **document}, indent=2, ensure_ascii=False) + "\n")
    return path
