"""Where a step of a document leads, and when: every way out under the words for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

THEN = "then"
"""The way that is always taken."""


def ways(step: Mapping[str, Any]) -> dict[str, str]:
    """Words for when a way is taken → the step it leads to."""
    found: dict[str, str] = {}
    for when, target in _ways(step):
        if isinstance(target, str):
            found.setdefault(when, target)
    return found


def failure_ways(handler: Any) -> Iterator[tuple[str, Any]]:
    """The ways of an ``onFailure``, of a step or of the whole workflow."""
    if not isinstance(handler, Mapping):
        return
    conditions = (handler.get("errorHandler") or {}).get("conditions") or ()
    for each in conditions:
        kinds = [str(each[name]) for name in ("errorType", "errorCode") if each.get(name)]
        yield f"on the error {' '.join(kinds)}" if kinds else "on any error", each.get("nextStepId")
    yield "when it fails", handler.get("nextStepId")


def _ways(step: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    following = step.get("next")
    if isinstance(following, str):
        yield THEN, following
    elif isinstance(following, list):
        for each in following:
            conditional = each.get("condition") not in (None, True)
            yield f"when {_bare(each['condition'])}" if conditional else THEN, each.get("nextStepId")
    for outcome, target in (step.get("transitions") or {}).items():
        yield "at any other outcome" if outcome == "default" else f"at the outcome {outcome}", target
    for choice in step.get("choices") or ():
        yield f"when {_bare(choice.get('condition'))}", choice.get("nextStep")
    yield "otherwise", step.get("default")
    yield "when no event comes in time", (step.get("eventTimeout") or {}).get("timeoutHandlerStepId")
    yield from failure_ways(step.get("onFailure"))


def _bare(condition: Any) -> str:
    """A condition in backticks, without the `${}` around it."""
    text = str(condition).strip()
    return f"`{text[2:-1].strip() if text.startswith('${') and text.endswith('}') else text}`"
