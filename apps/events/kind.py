"""Events as a kind of definition."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from apps.validation.definitions.services import DefinitionKind
from apps.validation.problems import Unprocessable
from apps.validation.schemas import check_instance, check_schema
from apps.validation.violations import Violation

from .models import EventDefinition
from .rules import fits
from .selectors import published
from .sequences.kind import event_published

_PATTERN_LOCK = 0x61756576  # one of ours among the advisory locks: "auev"


def _checks(document: dict[str, Any]) -> list[Violation]:
    """The payload's schema can be used, every example fits it, and nobody else defines the pattern."""
    return _pattern_taken(document) + _payload(document)


def _payload(document: dict[str, Any]) -> list[Violation]:
    schema, examples = document.get("payloadSchema"), document.get("examples", ())
    found = []
    if schema is None:
        found.append(
            Violation(
                "no-payload-schema",
                "Without `payloadSchema` any payload is accepted, and expressions that read it cannot be checked.",
                severity="warning",
                hint="Describe the payload as a JSON Schema, `additionalProperties: false` included.",
            )
        )
    elif wrong := check_schema(schema, "/payloadSchema"):
        return wrong
    if not examples:
        found.append(
            Violation(
                "no-examples",
                "There is no example of a payload.",
                severity="warning",
                hint="Add one to `examples`: dry runs and the form that tries the event out begin with it.",
            )
        )
    if schema is not None:
        for index, example in enumerate(examples):
            found += check_instance(schema, example, f"/examples/{index}")
    return found


def _pattern_taken(document: dict[str, Any]) -> list[Violation]:
    others = EventDefinition.objects.published().exclude(key=document["eventId"])
    other = others.filter(document__pattern=document["pattern"]).values_list("key", flat=True).first()
    if other is None:
        return []
    return [
        Violation(
            "pattern-taken",
            f"The pattern `{document['pattern']}` is defined by `{other}` already.",
            "/pattern",
            hint=f"Choose another pattern, publish a new version of {other}, or archive it.",
        )
    ]


def _seal(row: EventDefinition) -> None:
    """Of two that are published at once with the same pattern, the second sees the first here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_PATTERN_LOCK, row.document["pattern"]])
    if violations := _pattern_taken(row.document):
        raise Unprocessable(f"{row.key} {row.version} has errors and cannot be published.", violations=violations)
    transaction.on_commit(published.forget)


EVENT: DefinitionKind[EventDefinition] = DefinitionKind(
    "event",
    "eventId",
    EventDefinition,
    _checks,
    _seal,
    order=10,
    called=lambda document: str(document.get("pattern", "")),
    meant=fits,
    published=event_published,
)
