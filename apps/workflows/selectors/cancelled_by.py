"""Saying which events would cancel a run."""

from __future__ import annotations

from typing import Any

from apps.workflows.engine.plan import Plan


def cancelled_by(plan: Plan) -> list[dict[str, Any]]:
    """[{eventPattern, eventCondition, shouldCompensate, sentence}], one for each of the workflow's cancellationTriggers."""
    return [
        {
            "eventPattern": each.pattern,
            "eventCondition": each.condition_text,
            "shouldCompensate": each.compensate,
            "sentence": f"Would be cancelled by an event {each.pattern}"
            + (f" for which {each.condition_text}" if each.condition_text is not None else "")
            + (", and its work undone." if each.compensate else "."),
        }
        for each in plan.cancels
    ]
