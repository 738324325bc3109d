"""What is wrong with a task definition that fits its JSON Schema. All findings come back at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.auth.selectors import names_of_active
from apps.integrations.egress import compile_allow
from apps.validation.expressions import Expression, ExpressionError, compile_expression, compile_template
from apps.validation.violations import Violation, in_order, pointer_to

from .executors.base import Site
from .executors.emissions import emission_sites
from .executors.human import human_sites
from .executors.registry import HUMAN, executor_for, known_kinds
from .repeating import is_repeatable, tries_again

_IMPLEMENTATION = "/implementation"


def check_task(document: dict[str, Any]) -> list[Violation]:
    """Kind, expressions and hosts of `document`, which fits schemas/task.json."""
    found = [*_check_kind(document), *_check_hosts(document), *_check_retries(document)]
    schemas = {"input": document.get("inputSchema"), "output": document.get("outputSchema")}
    for site in (*_sites(document), *emission_sites(document)):
        found.extend(_check_site(site, schemas))
    return in_order(found)


def check_people(document: dict[str, Any]) -> list[Violation]:
    """A warning where nobody may take a person's task as things are now. Asks the database."""
    implementation = document.get("implementation") or {}
    parameters = implementation.get("parameters") or {}
    if implementation.get("kind", HUMAN) != HUMAN:
        return []
    named = {
        pointer_to(field): [name for name in _listed(parameters.get(field)) if isinstance(name, str) and name]
        for field in ("assignee", "assigneeRole", "candidateUsers", "candidateGroups")
    }
    names = [name for listed in named.values() for name in listed]
    # Whom an expression names is seen only when it runs; a task that names nobody is for those who manage tasks.
    if not names or any("${" in name for name in names) or names_of_active(names):
        return []
    first = next(pointer for pointer, listed in named.items() if listed)
    return [
        Violation(
            "nobody-can-take",
            f"Nobody can take it: no active person is, or belongs to, {', '.join(names)}.",
            f"{_IMPLEMENTATION}/parameters{first}",
            severity="warning",
            hint="Give the role or the team to somebody, or name others.",
            expected="a person, a team or a role with a member",
            found=" | ".join(names[:20]),
        )
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _sites(document: dict[str, Any]) -> Iterator[Site]:
    kind = document.get("implementation", {}).get("kind", HUMAN)
    if kind == HUMAN:
        yield from human_sites(document)
    elif (executor := executor_for(kind)) is not None:
        yield from executor.sites(document)


def _check_kind(document: dict[str, Any]) -> Iterator[Violation]:
    implementation = document.get("implementation") or {}
    kind = implementation.get("kind", HUMAN)
    if kind not in known_kinds():
        yield Violation(
            "kind-unavailable",
            f"Tasks of kind {kind} cannot be run on this installation.",
            f"{_IMPLEMENTATION}/kind",
            hint="One of " + ", ".join(sorted(known_kinds())) + ".",
        )
    declared = document.get("type")
    if declared is not None and (declared == "MANUAL") != (kind == HUMAN):
        wanted = "MANUAL" if kind == HUMAN else "AUTOMATED"
        yield Violation(
            "type-mismatch",
            f"A task of kind {kind} is of type {wanted}, not {declared}.",
            "/type",
            fix=[{"op": "replace", "path": "/type", "value": wanted}],
        )
    if kind == "HTTP" and not implementation.get("endpoint"):
        yield Violation(
            "missing-endpoint",
            "An HTTP task needs the endpoint that it calls.",
            _IMPLEMENTATION,
            hint='Add "endpoint": "https://…".',
        )


def _check_hosts(document: dict[str, Any]) -> Iterator[Violation]:
    parameters = (document.get("implementation") or {}).get("parameters") or {}
    for index, pattern in enumerate(parameters.get("allowHosts") or []):
        try:
            compile_allow((pattern,))
        except ValueError as error:
            yield Violation("host-pattern", f"{error}.", f"{_IMPLEMENTATION}/parameters/allowHosts/{index}")


def _check_retries(document: dict[str, Any]) -> Iterator[Violation]:
    """A call that does something each time must not be made again, unless the other side counts it once."""
    implementation = document.get("implementation") or {}
    if tries_again(document.get("retryPolicy") or {}) and not is_repeatable(implementation):
        yield Violation(
            "retry-not-idempotent",
            f"A failed {implementation['parameters']['method']} is tried again, and nothing says that doing it twice"
            " does no harm.",
            "/retryPolicy",
            severity="warning",
            hint="Where the other side honours the Idempotency-Key, set `idempotent: true` in the parameters.",
        )


def _check_site(site: Site, schemas: Mapping[str, Any]) -> Iterator[Violation]:
    if site.condition and isinstance(site.value, str):
        try:
            expression = compile_expression(site.value, roots=site.roots)
        except ExpressionError as error:
            yield error.as_violation(site.pointer)
        else:
            yield from _check_reads(expression, site.pointer, schemas)
        return
    for pointer, text in _texts(site.value, site.pointer):
        try:
            template = compile_template(text, roots=site.roots)
        except ExpressionError as error:
            yield error.as_violation(pointer)
            continue
        for _, expression in template.expressions:
            yield from _check_reads(expression, pointer, schemas)


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """(pointer, text) of every string in `value` that holds an expression."""
    if isinstance(value, str):
        if "${" in value:
            yield pointer, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, pointer + pointer_to(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, pointer + pointer_to(index))


def _check_reads(expression: Expression, pointer: str, schemas: Mapping[str, Any]) -> Iterator[Violation]:
    """A field of the input or output that its schema does not declare: an error where it excludes others."""
    optional = set(expression.optional_reads)
    for path in sorted(expression.reads):
        if path[0] not in schemas or path in optional:
            continue
        root, schema = path[0], schemas[path[0]]
        for depth, name in enumerate(path[1:], start=1):
            if not _is_plain_object(schema):
                break
            if name in schema["properties"]:
                schema = schema["properties"][name]
                continue
            closed = schema.get("additionalProperties") is False
            yield Violation(
                f"unknown-{root}-field",
                f"The {root}Schema has no field {'.'.join(path[1 : depth + 1])}.",
                pointer,
                severity="error" if closed else "warning",
                hint="It has " + ", ".join(list(schema["properties"])[:20]) + ".",
            )
            break


def _is_plain_object(schema: Any) -> bool:
    """Whether `properties` alone says which fields there are."""
    return (
        isinstance(schema, dict)
        and bool(schema.get("properties"))
        and not {"$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"} & schema.keys()
        and not isinstance(schema.get("additionalProperties"), dict)
    )
