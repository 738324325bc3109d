"""Objects that other dialects build in another way: maps for lists, one text for an object, fields one level off.

Each function takes an object whose fields have our names already, and gives it in our form. `HOOKS` says for which schema
each is; `WORDS` what else the words of a list are called.
"""

from __future__ import annotations

import re
from typing import Any

from apps.validation.schemas.renames import camel

from . import values
from .kinds import fold
from .result import Place, replacing
from .schema import Known, known
from .walk import Hook, Walk, pointer_to

_BOOKKEEPING = frozenset(
    {"createdby", "updatedby", "modifiedby", "author", "owner", "lastmodified", "modifiedat", "createdon", "updatedon"}
)
_UNIT_SUFFIX = re.compile(
    r"(?P<stem>.*?)_?(?P<unit>ms|millis|milliseconds|secs|seconds|minutes|mins|hours|days)\Z", re.IGNORECASE
)
_PROGRESS = frozenset({"status", "processingtimestamp", "completedat", "startedat"})
_JSON_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_STEP_MARKS = (
    ("choices", "DECISION"),
    ("taskDefinition", "HUMAN_TASK"),
    ("branches", "PARALLEL"),
    ("parallelBranches", "PARALLEL"),
    ("eventPattern", "EVENT_WAIT"),
    ("duration", "DELAY"),
    ("until", "DELAY"),
)


def bookkeeping(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """Who made it is kept in `metadata`; nothing that was written is lost."""
    moved = [name for name in value if fold(name) in _BOOKKEEPING and name not in here.fields]
    if not moved or "metadata" not in here.fields or not isinstance(value.get("metadata", {}), dict):
        return value
    metadata = {**value.get("metadata", {}), **{name: value[name] for name in moved}}
    for name in moved:
        walk.changed((*place, "metadata", name), name, f"metadata.{name}", f"`{name}` is kept in `metadata`.")
    return {name: each for name, each in value.items() if name not in moved} | {"metadata": metadata}


def units(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`timeoutSeconds: 30` → `timeout: PT30S`."""
    done = {}
    for name, content in value.items():
        match = None if name in here.fields else _UNIT_SUFFIX.match(name)
        stem = camel(match["stem"]).rstrip("_") if match else ""
        target = stem if stem in here.fields else here.renamed.get(stem, "")
        if match is None or target not in here.fields or target in value:
            done[name] = content
            continue
        inner = known(here.fields[target], "", target)
        unit = values.UNIT_OF.get(match["unit"].lower(), "milliseconds")
        made: Any = None
        if inner.role in ("duration", "durationOrExpression"):
            made = values.duration(content, unit)
        elif inner.types == {"integer"}:
            made = values.milliseconds(content, unit)
        if made is None:
            done[name] = content
            continue
        walk.changed(
            (*place, target), {name: content}, {target: made}, f"`{name}` is written `{target}`, with its unit."
        )
        done[target] = made
    return done


def steps_as_list(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`steps: {"a": {…}}` → a list of steps that carry their ids."""
    for name, id_name in (("steps", "stepId"), ("compensationSteps", "stepId"), ("branches", "name")):
        given = value.get(name)
        if (
            name not in here.fields
            or not isinstance(given, dict)
            or not all(isinstance(each, dict) for each in given.values())
        ):
            continue
        value = {**value, name: [{id_name: key} | step for key, step in given.items()]}
        walk.changed(
            (*place, name),
            f"an object of {len(given)}",
            "a list",
            f"`{name}` is a list; each one's key is its `{id_name}`.",
        )
    return value


def variables(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`variables: {"count": 0}` → `{"count": {"initial": 0}}`."""
    given = value.get("variables")
    if not isinstance(given, dict):
        return value
    done: dict[str, Any] = {}
    for name, content in given.items():
        at = (*place, "variables", name)
        if isinstance(content, dict) and set(content) <= {"schema", "initial", "description"}:
            done[name] = content
        elif isinstance(content, dict) and content.get("type") in _JSON_TYPES:
            rest = {key: each for key, each in content.items() if key not in ("default", "initial", "description")}
            done[name] = {"schema": rest}
            for key, ours in (("default", "initial"), ("initial", "initial"), ("description", "description")):
                if key in content:
                    done[name][ours] = content[key]
            walk.changed(at, content, done[name], "A variable has a `schema` and an `initial` value.")
        elif isinstance(content, str) and content in _JSON_TYPES:
            options = [{"schema": {"type": content}}, {"initial": content}]
            labels = [f"a variable of type {content}", f"a variable that holds the text “{content}” at first"]
            hint = f'Write {{"schema": {{"type": "{content}"}}}} or {{"initial": "{content}"}}.'
            walk.unclear("variable-unclear", f"“{content}” can be the type of `{name}` or its first value.", at, hint,
                         replacing(pointer_to(*at), options, labels))  # fmt: skip
            done[name] = content
        elif isinstance(content, dict):
            done[name] = content
        else:
            done[name] = {"initial": content}
            walk.changed(at, content, done[name], "A variable's first value is its `initial`.")
    return {**value, "variables": done}


def step_type(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """A step without a type that only one type can have."""
    if "type" in value or "taskId" in value:
        return value
    fields = {camel(name) for name in value}
    found = {kind for mark, kind in _STEP_MARKS if mark in fields}
    if {"items", "steps"} <= fields:
        found.add("FOR_EACH")
    if len(found) != 1:
        return value
    [kind] = found
    walk.changed((*place, "type"), None, kind, f"Only a {kind} step has these fields.")
    return {"stepId": value["stepId"], "type": kind} | value if "stepId" in value else {"type": kind} | value


def ways_on(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`next` and `transitions` in their other forms."""
    following = value.get("next")
    if isinstance(following, list) and len(following) == 1 and isinstance(following[0], str):
        value = {**value, "next": following[0]}
        walk.changed((*place, "next"), following, following[0], "One following step is named by its id.")
    elif isinstance(following, list) and len(following) > 1 and all(isinstance(each, str) for each in following):
        hint = "Steps that run side by side are branches of a PARALLEL step; for a choice give each a condition."
        walk.unclear("next-unclear", "Several following steps without a condition.", (*place, "next"), hint)
    elif (
        isinstance(following, dict)
        and "default" in following
        and all(isinstance(each, str) for each in following.values())
        and "transitions" not in value
    ):
        value = {"transitions" if name == "next" else name: each for name, each in value.items()}
        walk.changed((*place, "transitions"), "next", "transitions", "Ways on by outcome are `transitions`.")
    return _transitions(walk, value, place)


def _transitions(walk: Walk, value: dict[str, Any], place: Place) -> dict[str, Any]:
    given = value.get("transitions")
    at = (*place, "transitions")
    if isinstance(given, dict):
        done = {}
        for outcome, target in given.items():
            named = _target(target) if isinstance(target, dict) else None
            done[outcome] = named or target
            if named:
                walk.changed((*at, outcome), target, named, "A transition names the following step.")
        return {**value, "transitions": done}
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return value
    targets = [_target(each) for each in given]
    outcomes = [_word_of(each, "on", "outcome", "event", "when", "result", "action") for each in given]
    conditions = [_word_of(each, "condition", "if", "guard", "expression") for each in given]
    if all(targets) and all(outcomes) and not any(conditions) and len(set(outcomes)) == len(outcomes):
        done = dict(zip((str(each) for each in outcomes), targets, strict=True))
        walk.changed(at, given, done, "Transitions are an object: outcome → following step.")
        return {**value, "transitions": done}
    if all(targets) and not any(outcomes) and "next" not in value:
        ways = [
            {"nextStepId": target} | ({"condition": condition} if condition else {})
            for target, condition in zip(targets, conditions, strict=True)
        ]
        walk.changed(
            (*place, "next"), {"transitions": given}, {"next": ways}, "Conditional ways on are a list in `next`."
        )
        return {
            ("next" if name == "transitions" else name): ways if name == "transitions" else each
            for name, each in value.items()
        }
    return value


def _target(entry: dict[str, Any]) -> str | None:
    return _word_of(entry, "to", "target", "next", "nextStep", "nextStepId", "next_step", "goto", "stepId")


def _word_of(entry: dict[str, Any], *names: str) -> str | None:
    return next((entry[name] for name in names if isinstance(entry.get(name), str)), None)


def failure(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`onFailure: "tell"` → `{"nextStepId": "tell"}`, or the action of that name."""
    given = value.get("onFailure")
    if not isinstance(given, str):
        return value
    actions = ("continue", "stop", "retry", "compensate")
    if (action := values.word(given, actions)) is not None and given not in walk.names.steps:
        done: dict[str, Any] = {"action": action}
    elif given in walk.names.steps:
        done = {"nextStepId": given}
    else:
        return value
    walk.changed((*place, "onFailure"), given, done, "What to do on failure is an object.")
    return {**value, "onFailure": done}


def retries(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`retryPolicy: 3` may mean three attempts or three more."""
    given = value.get("retryPolicy")
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        return value
    at = (*place, "retryPolicy")
    options = [{"maxAttempts": given}, {"maxAttempts": given + 1}]
    labels = [f"{given} attempts in all", f"{given} more attempts after the first"]
    hint = f'Write {{"maxAttempts": {given}}} for {labels[0]}, {{"maxAttempts": {given + 1}}} for {labels[1]}.'
    walk.unclear("retries-unclear", f"{given} attempts in all, or after the first?", at, hint,
                 replacing(pointer_to(*at), options, labels))  # fmt: skip
    return value


def buttons(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`actions: ["approve"]` → `[{"actionKey": "approve"}]`."""
    given = value.get("actions")
    if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        return value
    done = [{"actionKey": each} for each in given]
    walk.changed((*place, "actions"), given, done, "An action is an object with its `actionKey`.")
    return {**value, "actions": done}


def human_fields(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """Who does it, and the form, belong into `taskDefinition`."""
    if value.get("type") != "HUMAN_TASK":
        return value
    return _into(walk, value, here, place, "taskDefinition")


def parameters(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """What an implementation works with belongs into its `parameters`."""
    return _into(walk, value, here, place, "parameters") if "parameters" in here.fields else value


def _into(walk: Walk, value: dict[str, Any], here: Known, place: Place, child: str) -> dict[str, Any]:
    inner_value = value.get(child, {})
    if not isinstance(inner_value, dict):
        return value
    inner = known(here.fields[child], inner_value, child)
    moved: dict[str, str] = {}
    for name in value:
        target = walk._our_name(name, inner)
        if (
            name not in here.fields
            and target in inner.fields
            and target not in inner_value
            and target not in moved.values()
        ):
            moved[name] = target
    if not moved:
        return value
    for name, target in moved.items():
        walk.changed((*place, child, target), name, f"{child}.{target}", f"`{name}` belongs into `{child}`.")
    inside = {**inner_value, **{target: value[name] for name, target in moved.items()}}
    return {name: each for name, each in value.items() if name not in moved} | {child: inside}


def sequence_events(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """`events: ["a", "b"]` → one after the other."""
    given = value.get("events")
    if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        return value
    done = [{"eventId": each, "order": index + 1} for index, each in enumerate(given)]
    walk.changed((*place, "events"), given, done, "An event of a sequence has its place in the order.")
    return {**value, "events": done}


def progress(walk: Walk, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
    """How far a sequence has come is said by its runs: a definition that was exported in the midst of one loses it."""
    message = "How far it has come is no part of a definition; each run of it says so."

    def without(inside: dict[str, Any], at: Place) -> dict[str, Any]:
        gone = [name for name in inside if fold(name) in _PROGRESS]
        for name in gone:
            walk.changed((*at, name), {name: inside[name]}, None, message)
        return {name: each for name, each in inside.items() if name not in gone}

    events = value.get("events")
    if isinstance(events, list):
        done = [
            without(each, (*place, "events", index)) if isinstance(each, dict) else each
            for index, each in enumerate(events)
        ]
        value = {**value, "events": done}
    return without(value, place)


_SHARED: tuple[Hook, ...] = (bookkeeping, units)
HOOKS: dict[str, tuple[Hook, ...]] = {
    "workflow.json": (bookkeeping, units, steps_as_list, variables, failure, retries),
    "common/step-base.json": (steps_as_list, human_fields, units, ways_on, failure, retries),
    "common/step.json": (step_type,),
    "common/human-work.json": (units, buttons),
    "common/retry-policy.json": (units,),
    "common/task-implementation.json": (parameters,),
    "task.json": (bookkeeping, units, retries),
    "sequence.json": (bookkeeping, units, sequence_events, progress),
    "uiComponent.json": (bookkeeping, buttons),
    **{f"{kind}.json": _SHARED for kind in ("event", "trigger", "schedule", "webhook", "webhookSubscription", "integration", "test", "testSuite", "role", "entity", "validationRule", "permission", "flagConfiguration")},
}  # fmt: skip

# Words of a list by one of its words; what they are called elsewhere → what they are called here.
WORDS: dict[str, dict[str, str]] = {
    "HUMAN_TASK": {
        "human": "HUMAN_TASK",
        "usertask": "HUMAN_TASK",
        "manual": "HUMAN_TASK",
        "manualtask": "HUMAN_TASK",
        "servicetask": "TASK",
        "choice": "DECISION",
        "switch": "DECISION",
        "condition": "DECISION",
        "map": "FOR_EACH",
        "loop": "FOR_EACH",
        "timer": "DELAY",
        "sleep": "DELAY",
        "waitforevent": "EVENT_WAIT",
        "receiveevent": "EVENT_WAIT",
        "childworkflow": "SUB_WORKFLOW",
        "callworkflow": "SUB_WORKFLOW",
        "publishevent": "EMIT_EVENT",
        "sendevent": "EMIT_EVENT",
        "set": "TRANSFORM",
        "assign": "TRANSFORM",
        "terminate": "END",
        "finish": "END",
    },
    "multi-select": {
        "string": "text",
        "integer": "number",
        "checkbox": "boolean",
        "dropdown": "select",
        "datetimelocal": "datetime",
        "money": "currency",
    },
    "primary": {"destructive": "danger"},
    "CRITICAL": {"normal": "MEDIUM", "urgent": "CRITICAL"},
    "exponential": {"constant": "fixed"},
    "compensating_events": {"compensate": "compensating_events", "compensation": "compensating_events", "none": "manual"},
    "COMPLETED": {"success": "COMPLETED", "succeeded": "COMPLETED", "failure": "FAILED", "error": "FAILED", "canceled": "CANCELLED"},
    "notEquals": {"eq": "equals", "equal": "equals", "ne": "notEquals", "lt": "lessThan", "gt": "greaterThan", "match": "matches"},
}  # fmt: skip
