"""The verbs that definitions of every kind share: save a draft, publish, archive, find.

A kind (workflow, task, …) subclasses :class:`~.models.Definition` and describes itself with a :class:`DefinitionKind`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.auth.access import require
from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.problems import Conflict, NotFound, StaleVersion, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation

from .diff import in_words
from .models import Definition, DefinitionQuerySet, version_key

D = TypeVar("D", bound=Definition)


@dataclass(frozen=True, slots=True)
class Reference:
    """That a definition names another: ``kind`` and ``key`` of the other, ``pointer`` to where, ``version`` if it says one.

    ``key`` is what others call it: its id, or what :attr:`DefinitionKind.called` says.
    """

    kind: str
    key: str
    pointer: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """That an expression takes something from another definition: ``path`` is what it reads, ``column`` where in it."""

    pointer: str
    column: int
    path: str
    expression: str


Instead = Mapping[tuple[str, str], Mapping[str, Any]]
"""(kind, key) → the document that is to stand for a definition, whatever is stored."""


@dataclass(frozen=True)
class DefinitionKind(Generic[D]):
    """A kind of definition.

    ``name`` is the document kind (its JSON Schema is schemas/<name>.json), ``id_field`` the business id's field in the
    document, ``checks`` the checks beyond the JSON Schema (references, data flow): document → violations. ``seal``
    fixes on the row, when it is published, what its document leaves open. ``order``: a bundle applies kinds with lower
    numbers first. ``references``: the definitions that a document names. ``running``: key → what is under way, by version.
    ``changes``: two documents → what changed between them in words (see :func:`.diff.in_words`).

    For saying what a change breaks: ``called`` is what others call a definition by, where that is not its id. ``meant``:
    whether the name in a document means this definition's name, where that is more than being equal to it (wildcards).
    ``checks_if``: the checks, as if other definitions were already these. ``reads``: document, kind, key → what its
    expressions read of that other definition. ``pinned``: the version of another (kind, key) that a row stays with.
    ``published`` and ``archived``: what else is done in the same transaction, when the row is saved or the key retired.
    """

    name: str
    id_field: str
    model: type[D]
    checks: Callable[[dict[str, Any]], list[Violation]]
    seal: Callable[[D], None] = lambda row: None
    order: int = 100
    references: Callable[[dict[str, Any]], list[Reference]] = lambda document: []
    running: Callable[[str], dict[str, int]] = lambda key: {}
    changes: Callable[[dict[str, Any], dict[str, Any]], list[dict[str, Any]]] = in_words
    called: Callable[[dict[str, Any]], str] | None = None
    meant: Callable[[str, str], bool] | None = None
    checks_if: Callable[[dict[str, Any], Instead], list[Violation]] | None = None
    reads: Callable[[dict[str, Any], str, str], list[Reading]] = lambda document, kind, key: []
    pinned: Callable[[D, str, str], str | None] = lambda row, kind, key: None
    published: Callable[[D, User], None] = lambda row, actor: None
    archived: Callable[[str], None] = lambda key: None

    def rows(self) -> DefinitionQuerySet[D]:
        """Every version of every definition of this kind."""
        return cast("DefinitionQuerySet[D]", self.model.objects.all())

    @property
    def design(self) -> str:
        return f"design:{self.name}"


def check(kind: DefinitionKind[D], document: dict[str, Any]) -> list[Violation]:
    """Every problem of the document: its JSON Schema's, and when that holds, those of references and data flow."""
    return check_document(kind.name, document) or kind.checks(document)


def content_checksum(document: dict[str, Any]) -> str:
    """Tells two documents apart by their content; ``kind`` does not count, for the API's path may say it instead."""
    content = {name: value for name, value in document.items() if name != "kind"}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


@transaction.atomic
def save_draft(
    kind: DefinitionKind[D], *, actor: User, document: dict[str, Any], if_match: int | None = None
) -> tuple[D, bool]:
    """Create or replace the draft that ``document`` names by its id and version.

    Returns the row and whether it is new. A document that does not fit its JSON Schema is refused (Unprocessable);
    one that fits but has other problems is kept with its violations. Conflict when that version is already published,
    StaleVersion when ``if_match`` is not the stored revision.
    """
    require(actor, kind.design)
    if violations := check_document(kind.name, document):
        raise Unprocessable(f"The {kind.name} definition does not fit its schema.", violations=violations)
    found = kind.checks(document)
    key, version = document[kind.id_field], document.get("version", "1.0.0")
    document = {name: value for name, value in document.items() if name != "kind"} | {"version": version}
    fields = {
        "name": document.get("name") or key,
        "description": document.get("description", ""),
        "tags": document.get("tags", []),
        "document": document,
        "violations": [violation.as_json() for violation in found],
        "checksum": content_checksum(document),
    }
    existing = kind.rows().select_for_update().filter(key=key, version=version).first()
    if existing is None:
        if if_match is not None:
            raise StaleVersion(f"{key} {version} does not exist, so nothing can match the If-Match header.")
        row = kind.model(key=key, version=version, version_key=version_key(version), created_by=actor, **fields)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(f"Somebody else has just saved {key} {version}; read it again before you save.") from error
    else:
        if if_match is not None and existing.revision != if_match:
            raise StaleVersion(f"{key} {version} was changed by someone else; read it again before you save.")
        if existing.status != Definition.Status.DRAFT:
            raise Conflict(
                f"{key} {version} is {existing.status} and can no longer change; save it under a higher version."
            )
        row = existing
        for name, value in fields.items():
            setattr(row, name, value)
        row.revision += 1
        row.save()
    record_audit(
        actor=actor,
        action=f"{kind.name}.save_draft",
        resource=kind.name,
        resource_id=f"{key}@{version}",
        details={"checksum": row.checksum, "violations": len(found)},
    )
    return row, existing is None


@transaction.atomic
def publish(kind: DefinitionKind[D], *, actor: User, key: str, version: str | None = None) -> D:
    """Make a draft immutable and usable. Without ``version``: the newest draft. Errors refuse it; warnings do not."""
    require(actor, f"publish:{kind.name}")
    rows = kind.rows().select_for_update().filter(key=key).newest_first()
    row = rows.filter(version=version).first() if version else rows.filter(status=Definition.Status.DRAFT).first()
    if row is None:
        if version is None and rows.exists():
            raise Conflict(f"{key} has no draft to publish.")
        raise NotFound(f"There is no {kind.name} {key}" + (f" in version {version}." if version else "."))
    if row.status == Definition.Status.PUBLISHED:
        return row
    if row.status == Definition.Status.ARCHIVED:
        raise Conflict(f"{key} {row.version} is archived.")
    violations = check(kind, row.document)
    if any(violation.severity == "error" for violation in violations):
        raise Unprocessable(f"{key} {row.version} has errors and cannot be published.", violations=violations)
    row.violations = [violation.as_json() for violation in violations]
    row.status = Definition.Status.PUBLISHED
    row.published_at = timezone.now()
    row.published_by = actor
    row.revision += 1
    kind.seal(row)
    row.save()
    kind.published(row, actor)
    record_audit(
        actor=actor,
        action=f"{kind.name}.publish",
        resource=kind.name,
        resource_id=f"{key}@{row.version}",
        details={"checksum": row.checksum},
    )
    return row


@transaction.atomic
def archive(kind: DefinitionKind[D], *, actor: User, key: str) -> int:
    """Take every version of a definition out of use; what runs on it goes on. Returns how many versions."""
    require(actor, f"archive:{kind.name}")
    count = kind.rows().filter(key=key).live().update(status=Definition.Status.ARCHIVED)
    if not count:
        raise NotFound(f"There is no {kind.name} {key}.")
    kind.archived(key)
    record_audit(
        actor=actor,
        action=f"{kind.name}.archive",
        resource=kind.name,
        resource_id=key,
        details={"versions": count},
    )
    return count


def find(kind: DefinitionKind[D], *, key: str, version: str | None = None) -> D:
    """The named version, or the newest that is not archived. NotFound when there is none."""
    rows = kind.rows().filter(key=key).newest_first()
    row = rows.filter(version=version).first() if version else rows.live().first()
    if row is None:
        raise NotFound(f"There is no {kind.name} {key}" + (f" in version {version}." if version else "."))
    return row


def find_published(kind: DefinitionKind[D], *, key: str, version: str | None = None) -> D:
    """The published version that new work uses. NotFound for an unknown id, Conflict when nothing is published."""
    rows = kind.rows().filter(key=key).published().newest_first()
    row = rows.filter(version=version).first() if version else rows.first()
    if row is not None:
        return row
    if not kind.rows().filter(key=key).exists():
        raise NotFound(f"There is no {kind.name} {key}.")
    raise Conflict(f"{key} has no published version" + (f" {version}." if version else "; publish it first."))
