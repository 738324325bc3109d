"""What an HTTP definition is compiled to: the request's templates and the rules that judge its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.integrations.egress import AllowList, compile_allow
from apps.validation.expressions import Expression, Template, compile_expression, compile_template, truthy

from .base import Site
from .endpoints import Endpoint, compile_endpoint

REQUEST_ROOTS = frozenset({"input"})
RESPONSE_ROOTS = frozenset({"input", "response"})
ENDPOINT = "/implementation/endpoint"
PARAMETERS = "/implementation/parameters"
_REQUEST_PARTS = ("query", "headers", "body", "form")


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """An answer that is a failure: by its status, by a condition over `response`, or both."""

    pointer: str
    statuses: frozenset[int]
    condition: Expression | None
    code: str
    message: Template | None
    retryable: bool | None

    def matches(self, status: int, context: Mapping[str, Any]) -> bool:
        """Raises EvaluationError when the condition cannot be evaluated."""
        if self.statuses and status not in self.statuses:
            return False
        return self.condition is None or truthy(self.condition.evaluate(context))


@dataclass(frozen=True, slots=True)
class HttpPlan:
    """`success`: statuses or a condition, default 2xx. `hosts`: the only hosts this task may call, when given."""

    method: str
    endpoint: Endpoint
    query: Template | None
    headers: Template | None
    body: Template | None
    form: Template | None
    response: Template | None
    outcome: Expression | None
    success_statuses: frozenset[int]
    success: Expression | None
    errors: tuple[ErrorRule, ...]
    hosts: AllowList | None


def compile_http(document: dict[str, Any]) -> HttpPlan:
    """Raises ExpressionError; the document fits its JSON Schema."""
    implementation = document["implementation"]
    parameters = implementation.get("parameters") or {}
    success = parameters.get("success")
    hosts = parameters.get("allowHosts")

    def request_part(name: str) -> Template | None:
        return compile_template(parameters[name], roots=REQUEST_ROOTS) if name in parameters else None

    return HttpPlan(
        method=parameters.get("method", "GET"),
        endpoint=compile_endpoint(implementation.get("endpoint", ""), roots=REQUEST_ROOTS),
        query=request_part("query"),
        headers=request_part("headers"),
        body=request_part("body"),
        form=request_part("form"),
        response=compile_template(parameters["response"], roots=RESPONSE_ROOTS) if "response" in parameters else None,
        outcome=_expression(parameters.get("outcome")),
        success_statuses=frozenset(success) if isinstance(success, list) else frozenset(),
        success=_expression(success) if isinstance(success, str) else None,
        errors=tuple(_error_rule(index, rule) for index, rule in enumerate(parameters.get("errors") or [])),
        hosts=compile_allow(tuple(hosts)) if hosts else None,
    )


def _expression(text: str | None) -> Expression | None:
    return compile_expression(text, roots=RESPONSE_ROOTS) if text is not None else None


def _error_rule(index: int, rule: dict[str, Any]) -> ErrorRule:
    status = rule.get("status", [])
    return ErrorRule(
        pointer=f"{PARAMETERS}/errors/{index}",
        statuses=frozenset(status if isinstance(status, list) else [status]),
        condition=_expression(rule.get("condition")),
        code=rule["code"],
        message=compile_template(rule["message"], roots=RESPONSE_ROOTS) if "message" in rule else None,
        retryable=rule.get("retryable"),
    )


def http_sites(document: dict[str, Any]) -> Iterator[Site]:
    """Every place of an HTTP definition with expressions, for the checks when it is saved."""
    implementation = document["implementation"]
    parameters = implementation.get("parameters") or {}
    yield Site(ENDPOINT, implementation.get("endpoint", ""), REQUEST_ROOTS)
    for name in _REQUEST_PARTS:
        if name in parameters:
            yield Site(f"{PARAMETERS}/{name}", parameters[name], REQUEST_ROOTS)
    if "response" in parameters:
        yield Site(f"{PARAMETERS}/response", parameters["response"], RESPONSE_ROOTS)
    for name in ("outcome", "success"):
        if isinstance(parameters.get(name), str):
            yield Site(f"{PARAMETERS}/{name}", parameters[name], RESPONSE_ROOTS, condition=True)
    for index, rule in enumerate(parameters.get("errors") or []):
        if rule.get("condition") is not None:
            yield Site(f"{PARAMETERS}/errors/{index}/condition", rule["condition"], RESPONSE_ROOTS, condition=True)
        if "message" in rule:
            yield Site(f"{PARAMETERS}/errors/{index}/message", rule["message"], RESPONSE_ROOTS)
