"""HTTP: calls an endpoint through the guarded client and judges the answer.

    implementation: {kind: HTTP, endpoint: "https://host/orders/${input.orderId}", parameters: {
        method, query, headers, body | form,            templates over `input`
        response,                                       template over `response` {status, headers, body} and `input`
        outcome, success: condition | [status],         default success: 2xx
        errors: [{status | [status], condition, code, message, retryable}],   first that matches
        allowHosts: [host[:port]]                       the only hosts this task may call
        idempotent: true                                the other side honours the Idempotency-Key
    }}

POST, PUT and PATCH with neither `body` nor `form` send the task's input as JSON. Without `response` the output is the
answer's JSON body (its text when it is not JSON, null when empty). Every call bears `Idempotency-Key: <task id>`, the
same for each attempt, and a `traceparent` that is the same for all calls of one instance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from apps.integrations import egress

from .base import Result, Site, TaskCall
from .http_answer import judge, not_answered
from .http_plan import HttpPlan, compile_http, http_sites
from .http_request import BadRequest, build_request


class HttpExecutor:
    """Runs on the workers' event loop, hundreds at once."""

    kind: ClassVar[str] = "HTTP"

    def sites(self, document: dict[str, Any]) -> Iterator[Site]:
        return http_sites(document)

    def plan(self, document: dict[str, Any]) -> HttpPlan:
        return compile_http(document)

    async def execute(self, call: TaskCall) -> Result:
        plan: HttpPlan = call.definition.compiled
        try:
            request = build_request(plan, call)
            response = await egress.request(**request)
        except BadRequest as error:
            return error.failure
        except egress.EgressError as error:
            return not_answered(error)
        return judge(plan, call, response)
