"""Checks that somebody asks for without saving anything: data against schemas, expressions with sample data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.validation.expressions import (
    ALL_ROOTS,
    EvaluationError,
    Expression,
    ExpressionError,
    Template,
    compile_expression,
    compile_template,
)
from apps.validation.schemas import check_document, check_instance, check_schema
from apps.validation.violations import Violation


def against_registry(schema_id: str, data: Any) -> list[Violation]:
    """Data against a schema of the definition language. Raises NotFound for an unknown one."""
    return check_document(schema_id, data)


def against_schema(schema: Any, data: Any) -> list[Violation]:
    """Data against a schema that came along. A faulty schema is reported below `/schema`, and nothing else is."""
    faults = check_schema(schema, "/schema")
    return faults or check_instance(schema, data)


def try_expression(
    text: str, *, scope: Mapping[str, Any] | None = None, roots: Iterable[str] | None = None
) -> dict[str, Any]:
    """Compile a text as a condition field or a template would be, and evaluate it if there is a scope.

    Gives `{valid, violations, reads}` and, with a scope, `value` or `error`.
    """
    names = frozenset(roots) if roots is not None else ALL_ROOTS | frozenset(scope or ())
    try:
        compiled = _compile(text, names)
    except ExpressionError as error:
        return {"valid": False, "violations": [error.as_violation().as_json()], "reads": []}
    reads = [{"path": list(path), "optional": path in compiled.optional_reads} for path in sorted(compiled.reads)]
    answer: dict[str, Any] = {"valid": True, "violations": [], "reads": reads}
    if scope is not None:
        try:
            answer["value"] = compiled.evaluate(context_of(scope))
        except EvaluationError as error:
            answer["error"] = {"code": error.code, "message": error.message}
    return answer


def _compile(text: str, roots: frozenset[str]) -> Expression | Template:
    stripped = text.strip()
    if "${" in stripped and not (stripped.startswith("${") and stripped.count("${") == 1 and stripped.endswith("}")):
        return compile_template(text, roots=roots)
    return compile_expression(text, roots=roots)


def context_of(scope: Mapping[str, Any]) -> dict[str, Any]:
    """A scope as people write it (`workflow.input`, `workflow.state.steps` …) as the context that expressions read."""
    context = dict(scope)
    workflow = context.get("workflow")
    if isinstance(workflow, Mapping):
        state = workflow.get("state")
        spelled = {
            "input": workflow.get("input"),
            "vars": workflow.get("variables", workflow.get("context")),
            "steps": state.get("steps") if isinstance(state, Mapping) else None,
        }
        context = {name: value for name, value in spelled.items() if value is not None} | context
    context["now"] = _time(scope.get("now"))
    return context


def _time(value: Any) -> datetime:
    try:
        given = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        given = None
    if given is None:
        return datetime.now(UTC)
    return given if given.tzinfo else given.replace(tzinfo=UTC)
