"""Expressions: CEL, evaluated by Google's runtime, with a syntax tree of our own for everything that is known beforehand.

    compile_expression("input.total > 100").evaluate(context)
    compile_template({"order": "${input.id}", "text": "Order ${input.id}"}).evaluate(context)

A context is plain JSON data: {"input", "vars", "steps": {id: {"status", "output", "error"}}, "workflow": {"instance",
"cancellation"}, "now": datetime} and, where they are in scope, "event", "error", "item", "index", "task", "user".
"""

from apps.validation.expressions import syntax
from apps.validation.expressions.errors import EvaluationError, ExpressionError
from apps.validation.expressions.expression import Expression, compile_expression, truthy
from apps.validation.expressions.parser import parse
from apps.validation.expressions.paths import Context, Path
from apps.validation.expressions.program import Reference
from apps.validation.expressions.scope import (
    ALL_ROOTS,
    EVENT_ROOTS,
    HANDLER_ROOTS,
    LOOP_ROOTS,
    PERSON_ROOTS,
    TRIGGER_ROOTS,
    WORKFLOW_ROOTS,
)
from apps.validation.expressions.templates import Template, TemplateError, check_template, compile_template

__all__ = [
    "ALL_ROOTS",
    "EVENT_ROOTS",
    "HANDLER_ROOTS",
    "LOOP_ROOTS",
    "PERSON_ROOTS",
    "TRIGGER_ROOTS",
    "WORKFLOW_ROOTS",
    "Context",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Path",
    "Reference",
    "Template",
    "TemplateError",
    "check_template",
    "compile_expression",
    "compile_template",
    "parse",
    "syntax",
    "truthy",
]
