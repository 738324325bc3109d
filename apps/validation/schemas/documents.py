"""Definition documents against the schema of their kind."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema.exceptions import ValidationError

from apps.validation.schemas.authoring import check_schema
from apps.validation.schemas.explain import Findings, explain
from apps.validation.schemas.formats import CHECKER
from apps.validation.schemas.instances import is_valid
from apps.validation.schemas.linear import SafeValidator, extended
from apps.validation.schemas.registry import registry
from apps.validation.violations import Violation, in_order


def _x_check(validator: Any, kind: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Our keyword: what stands here is checked as a document of its own kind."""
    if kind == "json-schema" and isinstance(instance, dict):
        found = check_schema(instance)
        if found:
            yield ValidationError("not a schema", cause=Findings(found))


def _all_of(validator: Any, branches: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """With `x-discriminator`, only the branch for the instance's value is looked at: the same answer, many times faster."""
    discriminator = schema.get("x-discriminator")
    if discriminator is None or not isinstance(instance, dict):
        for position, branch in enumerate(branches):
            yield from validator.descend(instance, branch, schema_path=position)
        return
    name = discriminator["property"]
    value = instance.get(name, discriminator.get("default"))
    for position, branch in enumerate(branches):
        if branch["if"]["properties"][name]["const"] == value:
            yield from validator.descend(instance, branch["then"], schema_path=position)


_DocumentValidator: Any = extended(SafeValidator, {"x-check": _x_check, "allOf": _all_of})


@cache
def _validator(schema_id: str) -> Any:
    return _DocumentValidator(registry.get(schema_id), registry=registry.references, format_checker=CHECKER)


def check_document(kind: str, document: Any) -> list[Violation]:
    """All violations of a document against the schema of its kind, in the document's order.

    `kind` is an id of the registry: `workflow`, `task`, `common/step`. Raises NotFound for another one.
    """
    validator = _validator(kind)
    try:
        found = explain(validator.iter_errors(document))
    except RecursionError:
        found = [Violation("too-deep", "The document is nested too deeply.")]
    return in_order(found)


@cache
def _bundled(schema_id: str) -> Any:
    return registry.bundle(schema_id)


def fits_document(kind: str, document: Any) -> bool:
    """Whether a document fits the schema of its kind, in some microseconds; `check_document` says why it does not.

    Only for kinds whose schemas have no keyword of ours.
    """
    return is_valid(_bundled(kind), document)
