"""A workflow of the largest size is checked in under a second."""

from __future__ import annotations

import time
from typing import Any

import pytest

from apps.workflows.checks import check_workflow
from apps.workflows.checks.structure import MAX_STEPS
from apps.workflows.checks.tests.corpus import catalog


def chain() -> list[dict[str, Any]]:
    """Every step reads the one before it, by its path and in an expression of its own."""
    steps: list[dict[str, Any]] = [{"stepId": "s0", "type": "TRANSFORM", "output": {"n": 0}, "next": "s1"}]
    for number in range(1, MAX_STEPS):
        before = f"steps.s{number - 1}.output.n"
        steps.append({"stepId": f"s{number}", "type": "TRANSFORM", "output": {"n": "${" + before + "}"}})
        if number % 5 == 0:
            steps[-1]["condition"] = f"{before} >= 0"
        if number + 1 < MAX_STEPS:
            steps[-1]["next"] = f"s{number + 1}"
    return steps


def ladder() -> list[dict[str, Any]]:
    """Every decision jumps to any of the next ten steps, and some go back through a person."""
    steps: list[dict[str, Any]] = []
    for number in range(MAX_STEPS - 1):
        targets = [f"s{min(number + jump, MAX_STEPS - 1)}" for jump in range(1, 11)]
        choices = [{"condition": f"input.n == {place}", "nextStep": target} for place, target in enumerate(targets)]
        steps.append({"stepId": f"s{number}", "type": "DECISION", "choices": choices, "default": f"s{number + 1}"})
    return [*steps, {"stepId": f"s{MAX_STEPS - 1}", "type": "END"}]


def branches() -> list[dict[str, Any]]:
    """One PARALLEL step with as many branches as there may be steps."""
    inner = [
        {"name": f"b{number}", "steps": [{"stepId": f"s{number}", "type": "TASK", "taskId": "anything"}]}
        for number in range(MAX_STEPS - 1)
    ]
    return [{"stepId": "all", "type": "PARALLEL", "branches": inner, "join": "N", "count": 250}]


@pytest.mark.parametrize("make", [chain, ladder, branches])
def test_five_hundred_steps_are_checked_in_a_second(make: Any) -> None:
    document = {"workflowId": "large", "steps": make()}
    best = min(timed(document) for _ in range(3))
    assert best < 1.0, f"{best:.2f} s"


def timed(document: dict[str, Any]) -> float:
    started = time.process_time()
    check_workflow(document, catalog=catalog())
    return time.process_time() - started
