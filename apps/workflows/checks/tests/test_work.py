"""The checks do not do more work per step in a larger document: counted in calls, which no busy machine changes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from apps.workflows.checks import check_workflow
from apps.workflows.checks.tests.corpus import catalog

Steps = list[dict[str, Any]]
INPUT = {"type": "object", "properties": {"x": {"type": "boolean"}}}


def transforms(count: int) -> Steps:
    """Each reads the one before it."""
    reading = [
        {"stepId": f"s{n}", "type": "TRANSFORM", "output": {"n": f"${{steps.s{n - 1}.output.n}}" if n else 0}}
        for n in range(count)
    ]
    return chained(reading)


def doublings(count: int) -> Steps:
    """Each puts the whole of the one before it into itself twice: written out, that would be 2ⁿ fields."""
    double = [
        {
            "stepId": f"s{n}",
            "type": "TRANSFORM",
            "output": dict.fromkeys("ab", f"${{steps.s{n - 1}.output}}") if n else 1,
        }
        for n in range(count)
    ]
    return chained(double)


def choices(count: int) -> Steps:
    """Each splits the way in two that meet at once: 2ⁿ paths."""
    steps: Steps = []
    for n in range(count // 3):
        ways = [{"condition": f"input.n > {n}", "nextStep": f"l{n}"}]
        steps.append({"stepId": f"d{n}", "type": "DECISION", "choices": ways, "default": f"r{n}"})
        steps += [{"stepId": f"{side}{n}", "type": "TRANSFORM", "output": {}, "next": f"d{n + 1}"} for side in "lr"]
    return [*steps, {"stepId": f"d{count // 3}", "type": "END"}]


def events(count: int) -> Steps:
    """Each waits for an event and reads its payload."""
    waits = [
        {
            "stepId": f"s{n}",
            "type": "EVENT_WAIT",
            "eventPattern": "payments.received",
            "eventPayloadMapping": {"n": "${event.payload.amount}"},
        }
        for n in range(count)
    ]
    return chained(waits)


def chained(steps: Steps) -> Steps:
    return [step | ({"next": steps[n + 1]["stepId"]} if n + 1 < len(steps) else {}) for n, step in enumerate(steps)]


def calls(document: dict[str, Any]) -> int:
    """How many Python functions a check calls. Run once before, so that nothing is still to be compiled."""
    check_workflow(document, catalog=catalog())
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        check_workflow(document, catalog=catalog())
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("make", [transforms, choices, events])
def test_four_times_the_steps_cost_little_more_than_four_times_the_work(make: Callable[[int], Steps]) -> None:
    small, large = calls({"workflowId": "w", "steps": make(60)}), calls({"workflowId": "w", "steps": make(240)})
    assert large < 5 * small


def twins(count: int) -> Steps:
    """Two such chains, built apart and then compared: equal, but not one and the same."""
    steps = [step | {"stepId": f"{name}{n}"} for name in "st" for n, step in enumerate(doublings(count))]
    for step in steps[count:]:
        step["output"] = json.loads(json.dumps(step["output"]).replace("steps.s", "steps.t"))
    either = f"${{input.x ? steps.s{count - 1}.output : steps.t{count - 1}.output}}"
    return chained([*steps, {"stepId": "either", "type": "TRANSFORM", "output": {"v": either}}])


def test_what_doubles_is_compared_in_no_time() -> None:
    started = time.process_time()
    found = check_workflow({"workflowId": "w", "inputSchema": INPUT, "steps": twins(80)}, catalog=catalog())
    assert found == []
    assert time.process_time() - started < 3


@pytest.mark.parametrize("last", range(58, 66))
def test_what_is_too_deep_to_be_followed_is_no_finding(last: int) -> None:
    steps: Steps = [
        {"stepId": f"s{n}", "type": "TRANSFORM", "output": {"a": f"${{steps.s{n - 1}.output}}" if n else 1}}
        for n in range(last)
    ]
    reading = {"stepId": "end", "type": "TRANSFORM", "output": {"v": f"${{steps.s{last - 1}.output{20 * '.a'}}}"}}
    assert check_workflow({"workflowId": "w", "steps": chained([*steps, reading])}, catalog=catalog()) == []


def test_a_schema_that_doubles_with_each_step_does_not_grow_without_end() -> None:
    small, large = (calls({"workflowId": "w", "steps": doublings(count)}) for count in (40, 160))
    assert large < 5 * small
