"""What an expression may name, and the one canonical path for each of its spellings.

`workflow.input.x`, `input.x` → ("input", "x"); `workflow.variables.x`, `workflow.context.x`, `vars.x` → ("vars", "x");
`workflow.state.steps.pay.output` → ("steps", "pay", "output"); everything else keeps its spelling.
"""

from __future__ import annotations

from difflib import get_close_matches

from apps.validation.expressions.errors import ExpressionError

WORKFLOW_ROOTS = frozenset({"workflow", "input", "vars", "steps"})
"""Inside any step of a workflow."""
LOOP_ROOTS = WORKFLOW_ROOTS | {"item", "index"}
"""Inside the steps of a FOR_EACH."""
HANDLER_ROOTS = WORKFLOW_ROOTS | {"error"}
"""In `onFailure` and what it leads to."""
EVENT_ROOTS = WORKFLOW_ROOTS | {"event"}
"""Where a running workflow waits for an event."""
TRIGGER_ROOTS = frozenset({"event"})
"""Where no workflow runs yet."""
PERSON_ROOTS = WORKFLOW_ROOTS | {"task", "user"}
"""Conditions of UI components and rules of assignment."""
ALL_ROOTS = LOOP_ROOTS | {"error", "event", "task", "user"}

_WORKFLOW_ALIASES: dict[str, tuple[str, ...]] = {"input": ("input",), "variables": ("vars",), "context": ("vars",)}
_KNOWN_FIELDS: dict[tuple[str, ...], frozenset[str]] = {
    ("workflow",): frozenset({"input", "variables", "context", "state", "instance", "cancellation"}),
    ("workflow", "state"): frozenset({"steps"}),
    ("workflow", "instance"): frozenset({"id", "startedAt", "correlationId", "definition"}),
    ("workflow", "cancellation"): frozenset({"reason", "requestedBy", "requestedAt", "source", "eventId"}),
    ("event",): frozenset({"eventId", "payload", "metadata", "pattern", "source", "timestamp", "version"}),
    ("error",): frozenset({"type", "code", "message", "details"}),
    ("steps", "*"): frozenset({"status", "output", "error"}),
}

PathKey = str | int
PathKeys = tuple[PathKey, ...]


def canonical(keys: PathKeys, column: int) -> PathKeys:
    """The canonical path of a spelled one. Raises ExpressionError for a field that its root does not have."""
    if keys[0] == "workflow":
        keys = _workflow(keys, column)
    if len(keys) >= 2 and keys[0] in ("event", "error"):
        _check((str(keys[0]),), keys[1], column)
    if len(keys) >= 3 and keys[0] == "steps":
        _check(("steps", "*"), keys[2], column)
    return keys


def _workflow(keys: PathKeys, column: int) -> PathKeys:
    if len(keys) == 1:
        raise ExpressionError(
            "expression-root",
            "`workflow` by itself is not a value.",
            column,
            hint="Say which part: workflow.input, workflow.variables, workflow.state.steps or workflow.instance.",
        )
    part = keys[1]
    _check(("workflow",), part, column)
    if part in _WORKFLOW_ALIASES:
        return _WORKFLOW_ALIASES[str(part)] + keys[2:]
    if part == "state":
        if len(keys) < 3:
            raise ExpressionError(
                "expression-root",
                "`workflow.state` by itself is not a value.",
                column,
                hint="Use workflow.state.steps.",
            )
        _check(("workflow", "state"), keys[2], column)
        return ("steps", *keys[3:])
    if len(keys) >= 3:
        _check(("workflow", str(part)), keys[2], column)
    return keys


def _check(parent: tuple[str, ...], field: PathKey, column: int) -> None:
    known = _KNOWN_FIELDS[parent]
    if field in known:
        return
    shown = "a step" if parent == ("steps", "*") else f"`{'.'.join(parent)}`"
    raise ExpressionError(
        "expression-field", f"{shown} has no field `{field}`.", column, hint=suggest(str(field), known)
    )


def check_root(name: str, roots: frozenset[str], column: int) -> None:
    """Refuse a name that is not in scope here."""
    if name in roots:
        return
    if name in ("undefined", "None", "nil"):
        hint = "Write null."
    elif name == "error":
        hint = "`error` is there only where a failure leads: the steps that `onFailure`, an error code or a timeout goes to."
    elif name in ALL_ROOTS:
        hint = f"`{name}` exists elsewhere, but not at this place."
    else:
        hint = suggest(name, roots)
    raise ExpressionError("expression-root", f"`{name}` is not known here.", column, hint=hint)


def suggest(word: str, choices: frozenset[str]) -> str:
    """'Did you mean …' with the closest choice, else the list of all of them."""
    close = get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    return "Known here: " + ", ".join(sorted(choices)) + "." if choices else ""
