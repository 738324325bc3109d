"""EXPRESSION: computes its output from its input, without any I/O.

implementation: {kind: EXPRESSION, parameters: {
    output: <JSON with ${input.…}>, outcome?: <expression>,
    fail?: {condition, code, message} | [{…}]      first that is true fails the task, permanently
}}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from apps.validation.expressions import (
    EvaluationError,
    Expression,
    Template,
    compile_expression,
    compile_template,
    truthy,
)

from .base import Completed, Failed, NowExecutor, Result, Site, TaskCall, evaluation_failed, outcome_of

ROOTS = frozenset({"input"})
_PARAMETERS = "/implementation/parameters"


@dataclass(frozen=True, slots=True)
class Failure:
    """When `condition` holds, the task fails with `code`."""

    pointer: str
    condition: Expression
    code: str
    message: Template


@dataclass(frozen=True, slots=True)
class ExpressionPlan:
    output: Template
    outcome: Expression | None
    failures: tuple[Failure, ...]


class ExpressionExecutor(NowExecutor):
    """Runs inside the advance, unless `executionConfig.executor` is `worker`."""

    kind: ClassVar[str] = "EXPRESSION"

    def sites(self, document: dict[str, Any]) -> Iterator[Site]:
        parameters = _parameters(document)
        yield Site(f"{_PARAMETERS}/output", parameters.get("output"), ROOTS)
        if parameters.get("outcome") is not None:
            yield Site(f"{_PARAMETERS}/outcome", parameters["outcome"], ROOTS, condition=True)
        for pointer, failure in _failures(parameters):
            yield Site(f"{pointer}/condition", failure["condition"], ROOTS, condition=True)
            yield Site(f"{pointer}/message", failure.get("message", ""), ROOTS)

    def plan(self, document: dict[str, Any]) -> ExpressionPlan:
        parameters = _parameters(document)
        outcome = parameters.get("outcome")
        return ExpressionPlan(
            output=compile_template(parameters.get("output"), roots=ROOTS),
            outcome=compile_expression(outcome, roots=ROOTS) if outcome is not None else None,
            failures=tuple(
                Failure(
                    pointer=pointer,
                    condition=compile_expression(failure["condition"], roots=ROOTS),
                    code=failure.get("code", "FAILED"),
                    message=compile_template(failure.get("message", ""), roots=ROOTS),
                )
                for pointer, failure in _failures(parameters)
            ),
        )

    def execute_now(self, call: TaskCall) -> Result:
        plan: ExpressionPlan = call.definition.compiled
        context = call.context()
        pointer = ""
        try:
            for failure in plan.failures:
                pointer = f"{failure.pointer}/condition"
                if truthy(failure.condition.evaluate(context)):
                    pointer = f"{failure.pointer}/message"
                    message = str(failure.message.evaluate(context)) or failure.code
                    return Failed("PERMANENT", failure.code, message)
            pointer = f"{_PARAMETERS}/output"
            output = plan.output.evaluate(context)
            if plan.outcome is None:
                return Completed(output, outcome_of(output))
            pointer = f"{_PARAMETERS}/outcome"
            return Completed(output, str(plan.outcome.evaluate(context)))
        except EvaluationError as error:
            return evaluation_failed(error, pointer)


def _parameters(document: dict[str, Any]) -> dict[str, Any]:
    return document["implementation"].get("parameters") or {}


def _failures(parameters: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(pointer, rule) of each `fail` rule; a single rule need not be in a list."""
    rules = parameters.get("fail")
    if rules is None:
        return []
    if isinstance(rules, dict):
        return [(f"{_PARAMETERS}/fail", rules)]
    return [(f"{_PARAMETERS}/fail/{index}", rule) for index, rule in enumerate(rules)]
