"""The boundary of every run: input and output against their schemas, and results that can be stored.

The hot path is one compiled validation (about a microsecond); explanations are made only for what failed.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import orjson

from apps.tasks.limits import max_result_bytes
from apps.validation.schemas import check_instance, is_valid

from .base import Completed, Failed, NowExecutor, Result, TaskCall
from .plans import TaskDefinitionPlan

_SHOWN = 20


def check_input(plan: TaskDefinitionPlan, value: Any) -> Failed | None:
    """None, or why the task refuses `value` as its input."""
    schema = plan.input_schema
    if schema is None or is_valid(schema, value):
        return None
    return _invalid("INPUT_INVALID", f"The input does not fit the inputSchema of {plan.key}", schema, value)


def check_output(plan: TaskDefinitionPlan, output: Any) -> Failed | None:
    """None, or why `output` cannot be a result: too large, not storable, or not what the outputSchema promises."""
    if (unstorable := check_storable(output)) is not None:
        return unstorable
    schema = plan.output_schema
    if schema is None or is_valid(schema, output):
        return None
    return _invalid("OUTPUT_INVALID", f"The output does not fit the outputSchema of {plan.key}", schema, output)


def check_storable(output: Any) -> Failed | None:
    """None, or why `output` cannot be kept: over the cap, or holding what JSON or the database cannot."""
    try:
        encoded = orjson.dumps(output)
    except (TypeError, ValueError, RecursionError) as error:
        return Failed("PERMANENT", "RESULT_NOT_JSON", f"The result is not JSON: {error}")
    if len(encoded) > (limit := max_result_bytes()):
        return Failed(
            "PERMANENT",
            "RESULT_TOO_LARGE",
            f"The result is {len(encoded):,} bytes of JSON; at most {limit:,} are kept."
            " Return less (a reference, a page, the fields that are needed).",
            {"bytes": len(encoded), "limit": limit},
        )
    # orjson writes NaN and infinities as null, and Postgres refuses NUL in text: look closer only where it may be.
    if (b"null" in encoded or b"\\u0000" in encoded) and (flaw := _flaw(output)):
        return Failed("PERMANENT", "RESULT_NOT_JSON", f"The result holds {flaw}, which cannot be stored.")
    return None


def _flaw(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a number that is not finite"
    if isinstance(value, str):
        return "a NUL character" if "\x00" in value else ""
    if isinstance(value, dict):
        return next((flaw for item in (*value, *value.values()) if (flaw := _flaw(item))), "")
    if isinstance(value, list | tuple):
        return next((flaw for item in value if (flaw := _flaw(item))), "")
    return ""


def _invalid(code: str, message: str, schema: Any, data: Any) -> Failed:
    violations = check_instance(schema, data)
    shown = [violation.as_json() for violation in violations[:_SHOWN]]
    reason = f": {violations[0].pointer or '/'} {violations[0].message}" if violations else ""
    return Failed("VALIDATION", code, message + reason, {"violations": shown, "count": len(violations)})


def _checked(call: TaskCall, result: Result) -> Result:
    if isinstance(result, Completed):
        return check_output(call.definition, result.output) or result
    return result


def run_checked_now(call: TaskCall) -> Result:
    """Check, run without waiting, check. For plans whose `inline` is true."""
    executor = call.definition.executor
    assert isinstance(executor, NowExecutor)
    return check_input(call.definition, call.input) or _checked(call, executor.execute_now(call))


async def run_checked(call: TaskCall) -> Result:
    """Check, run within the definition's timeout, check. Never raises for what input or the outside world can cause."""
    plan = call.definition
    if plan.executor is None:
        return Failed("PERMANENT", "KIND_UNAVAILABLE", f"Tasks of kind {plan.kind} cannot be run by a worker here.")
    if (refused := check_input(plan, call.input)) is not None:
        return refused
    if isinstance(plan.executor, NowExecutor):
        return _checked(call, plan.executor.execute_now(call))
    try:
        async with asyncio.timeout(plan.timeout):
            return _checked(call, await plan.executor.execute(call))
    except TimeoutError:
        return Failed(
            "TIMEOUT", "TIMEOUT", f"{plan.key} was not done within {plan.timeout:g} s.", {"seconds": plan.timeout}, True
        )
