"""Bundles: definition documents that belong together, read from files, checked, applied in one transaction, written back.

A file holds one document, or a list of them; each carries its ``kind``. ``{{name}}`` inside a string stands for a value
that is given when the bundle is applied (an address that differs from place to place).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.dialects import looks_like
from apps.validation.problems import Problem, Unprocessable
from apps.validation.strict_json import loads
from apps.validation.violations import Violation

from . import services
from .diff import in_words
from .kinds import known_kinds
from .live import LiveKind, live_kinds
from .models import Definition

_TRY_CONVERTING = "See what would be changed with `definitions convert`; apply it with --convert."
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


AnyKind = services.DefinitionKind[Any] | LiveKind


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
    """Every definition in a file, or in the .json files below a folder; files that hold no definition are passed over.

    Raises Unprocessable for what is no JSON, for a definition without its ``kind`` (it is of another dialect), and for a
    placeholder that ``values`` does not name.
    """
    found: list[Document] = []
    foreign: list[Violation] = []
    for source, document in contents(path):
        if isinstance(document, dict) and "kind" in document:
            found.append(Document(source, filled(document, values, source)))
        elif kind := looks_like(document):
            message = f"{source}: This looks like a {kind} in another dialect."
            foreign.append(Violation("other-dialect", message, hint=_TRY_CONVERTING))
        elif not path.is_dir():
            message = f"{source}: Nothing says what kind of definition this is."
            foreign.append(
                Violation(
                    "kind-unclear", message, hint=f"Add `kind`, or {_TRY_CONVERTING[0].lower()}{_TRY_CONVERTING[1:]}"
                )
            )
    if foreign:
        raise Unprocessable(violations=foreign)
    return found


def contents(path: Path) -> Iterator[tuple[str, Any]]:
    """Every JSON document in a file, or in the .json files below a folder, with its file. Unprocessable for no JSON."""
    for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
        try:
            content = loads(file.read_bytes())
        except Problem as error:
            raise Unprocessable(f"{file}: {error.detail}", violations=error.violations) from error
        for document in content if isinstance(content, list) else [content]:
            yield str(file), document


def filled(value: Any, values: Mapping[str, str], source: str, *, strict: bool = True) -> Any:
    """The value with its placeholders filled in. Unprocessable for one that has no value, unless not ``strict``."""
    if isinstance(value, str):
        for name in _PLACEHOLDER.findall(value):
            if name not in values and strict:
                raise Unprocessable(f"{source} needs a value for {{{{{name}}}}}; give it with --set {name}=…")
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {name: filled(each, values, source, strict=strict) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, values, source, strict=strict) for each in value]
    return value


def kept_kinds() -> dict[str, AnyKind]:
    """Every kind of document that is kept here, with versions or without, by name."""
    return {**known_kinds(), **live_kinds()}


@transaction.atomic
def apply(documents: Sequence[Document], *, actor: User, publish: bool = True) -> list[Applied]:
    """Save and publish a bundle: all of it or, with every problem of every document in one Unprocessable, nothing."""
    kinds = kept_kinds()
    problems = [
        Violation(
            "unknown-kind", f"{each.source}: there is no kind {each.kind!r} here.", hint=f"Kinds: {', '.join(kinds)}."
        )
        for each in documents
        if each.kind not in kinds
    ]
    ordered = in_order_of_naming([each for each in documents if each.kind in kinds], kinds)
    done: list[Applied] = []
    for document in ordered:
        kind = kinds[document.kind]
        # Whoever is named later in the order may name what was applied before, so each is published at once.
        try:
            with transaction.atomic():
                if isinstance(kind, LiveKind):
                    done.append(apply_live(kind, document.content, actor, publish))
                else:
                    done.append(apply_one(kind, document.content, actor, publish))
        except Problem as error:
            problems += _located(document.source, error)
    if problems:
        raise Unprocessable(violations=problems)
    return done


def in_order_of_naming(documents: Sequence[Document], kinds: Mapping[str, AnyKind]) -> list[Document]:
    """What is named comes first: by kind, and within a kind by who names whom. A circle stays as it was given."""
    by_kind = sorted(documents, key=lambda each: kinds[each.kind].order)
    named: dict[tuple[str, str], list[Document]] = {}
    for document in by_kind:
        named.setdefault((document.kind, str(document.content.get(kinds[document.kind].id_field))), []).append(document)
    ordered: list[Document] = []
    seen: set[int] = set()
    # Without recursion: a bundle may be a long chain, and comes from anybody.
    for first in by_kind:
        pending = [(first, False)]
        while pending:
            document, ready = pending.pop()
            if ready:
                ordered.append(document)
            elif id(document) not in seen:
                seen.add(id(document))
                pending.append((document, True))
                others = [
                    other
                    for key in _named_by(document, kinds)
                    for other in named.get(key, ())
                    if other.kind == document.kind
                ]
                pending += [(other, False) for other in reversed(others)]
    return ordered


def _named_by(document: Document, kinds: Mapping[str, AnyKind]) -> list[tuple[str, str]]:
    # A document that does not fit its schema is refused when its turn comes; until then nothing is known of it.
    try:
        return [(each.kind, each.key) for each in kinds[document.kind].references(document.content)]
    except (TypeError, AttributeError, KeyError, ValueError):
        return []


def apply_one(kind: services.DefinitionKind[Any], content: dict[str, Any], actor: User, publish: bool) -> Applied:
    """Save one definition and publish it, in the caller's transaction. Raises the services' problems.

    The right is asked for first: that a definition is here unchanged is not for everybody to know.
    """
    require(actor, kind.design)
    key, version = str(content.get(kind.id_field)), str(content.get("version", "1.0.0"))
    stored = kind.model.objects.filter(key=key, version=version).first()
    if stored is not None and stored.status == Definition.Status.PUBLISHED:
        if stored.checksum == services.content_checksum({**content, "version": version}):
            return Applied(kind.name, key, version, "unchanged")
        message = f"{key} {version} is published with another content; raise its version to change it."
        free = _next_version(kind.rows().filter(key=key).newest_first().values_list("version", flat=True)[0])
        fix = [{"op": "add", "path": "/version", "value": free}]
        raise Unprocessable(
            violations=[Violation("published-differently", message, "/version", hint=f"{free} is free.", fix=fix)]
        )
    _, created = services.save_draft(kind, actor=actor, document=content)
    if publish:
        services.publish(kind, actor=actor, key=key, version=version)
    return Applied(kind.name, key, version, "published" if publish else "created" if created else "changed")


def apply_live(kind: LiveKind, content: dict[str, Any], actor: User, publish: bool) -> Applied:
    """Save one document of a kind without versions, in the caller's transaction. Raises the service's problems."""
    if not publish:  # it would be in force at once, on definitions that are not
        return Applied(kind.name, str(content.get(kind.id_field, "")), "", "left out")
    key, done = kind.apply(actor, content)
    return Applied(kind.name, key, "", done)


def _next_version(version: str) -> str:
    """The next patch above this version: `1.2.3` and `1.2.3-beta` → `1.2.4`."""
    major, minor, patch = re.split(r"[-+]", version)[0].split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def _located(source: str, error: Problem) -> list[Violation]:
    violations = error.violations or [Violation(error.code, error.detail)]
    return [
        Violation(each.code, f"{source}: {each.message}", each.pointer, each.severity, each.hint, each.fix, each.column)
        for each in violations
    ]


def differences(documents: Sequence[Document]) -> Iterator[tuple[Document, str, list[str]]]:
    """Each document, the version that is stored of it (the newest; "" where there is none), and what differs, in words."""
    kinds = kept_kinds()
    for document in documents:
        kind = kinds.get(document.kind)
        if kind is None:
            continue
        key = str(document.content.get(kind.id_field))
        content = {name: value for name, value in document.content.items() if name != "kind"}
        version = ""
        say: Callable[[dict[str, Any], dict[str, Any]], list[dict[str, Any]]] = in_words
        if isinstance(kind, LiveKind):
            before = dict(kind.documents()).get(key)
        elif (row := kind.rows().filter(key=key).newest_first().first()) is not None:
            before, version, say = row.document, row.version, kind.changes
        else:
            before = None
        if before is None:
            yield document, "", ["It is new here."]
        else:
            stored = {name: value for name, value in before.items() if name != "kind"}
            yield document, version, [each["message"] for each in say(stored, content)]


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
