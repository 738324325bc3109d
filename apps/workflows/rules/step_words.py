"""What changed in one step, in sentences: who does it, when, with what, how long, and where it leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.validation.definitions.diff import changes as plain_changes

from .schema_words import schema_changes
from .ways import THEN, ways
from .words import MISSING, Change, changed, code, entries, listed, time_words, value_words

TYPES = {
    "TASK": "a task",
    "HUMAN_TASK": "a task for people",
    "DECISION": "a decision",
    "PARALLEL": "a fork of branches",
    "FOR_EACH": "a loop over items",
    "EVENT_WAIT": "a wait for an event",
    "DELAY": "a delay",
    "SUB_WORKFLOW": "another workflow",
    "EMIT_EVENT": "a report of an event",
    "TRANSFORM": "a computation",
    "END": "an end",
}
JOINS = {"ALL": "all its branches have ended", "ANY": "the first of its branches has ended"}
ACTIONS = {
    "stop": "the run fails",
    "continue": "the run goes on",
    "retry": "it is tried again",
    "compensate": "what was done is undone",
}
# Field → the sentence behind the step's name, for values that are shown as they are; {0} is the value.
PLAIN = {
    "taskId": "runs the task {0}",
    "taskVersion": "runs version {0} of its task",
    "workflowId": "runs the workflow {0}",
    "version": "runs version {0} of its workflow",
    "eventPattern": "waits for the event {0}",
    "eventCondition": "takes only an event for which {0}",
    "pattern": "reports the event {0}",
    "until": "waits until {0}",
    "calendar": "counts time by the calendar {0}",
    "lookback": "also takes an event of the last {0}",
    "items": "goes over {0}",
    "concurrency": "works on {0} items at once",
    "status": "ends the run as {0}",
    "wait": "waits for its workflow: {0}",
}
WORK = {
    "title": "is titled {0}",
    "assignee": "goes to {0}",
    "assigneeRole": "goes to whoever has the role {0}",
    "candidateUsers": "may be taken by {0}",
    "candidateGroups": "may be taken by the groups {0}",
    "priority": "has the priority {0}",
    "dueAt": "is due at {0}",
}
TIMES = {"timeout": "may take at most {0}", "duration": "waits for {0}", "dueIn": "is due in {0}"}
MAPPINGS = {
    "input": "is given {0} as {1}",
    "output": "gives {0} as {1}",
    "payload": "reports {0} as {1}",
    "setVariables": "sets the variable {0} to {1}",
    "eventPayloadMapping": "takes {0} from the event as {1}",
}
_WAYS = frozenset({"next", "transitions", "choices", "default"})
_NESTED = frozenset({"stepId", "steps", "branches", "parallelBranches"})  # told of by themselves


def step_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str], path: str, label: str
) -> Iterator[Change]:
    """``names``: step → how sentences call it. ``label``: how they call this one."""
    yield from _ways_out(before, after, names, path, label)
    for name, old, new in entries(before, after):
        place = f"{path}.{name}"
        if name in _WAYS | _NESTED:
            continue
        if name == "taskDefinition":
            yield from _work(old, new, place, label)
        elif name in MAPPINGS and all(each is MISSING or isinstance(each, Mapping) for each in (old, new)):
            yield from mapping_changes(old, new, place, label, MAPPINGS[name])
        elif name in _SPECIAL:
            yield from _SPECIAL[name](before, after, place, label)
        elif (message := _sentence(name, old, new, label)) is not None:
            yield changed(place, message, before, after, name)
        else:
            yield from plain(old, new, path, name)


def mapping_changes(before: Any, after: Any, path: str, label: str, words: str) -> Iterator[Change]:
    """Entry by entry. ``words`` has a place for the name and one for the value."""
    for name, old, new in entries(before, after):
        if new is MISSING:
            message = f"{label} no longer {words.format(code(name), value_words(old))}."
            yield Change("removed", f"{path}.{name}", message, before=old)
        elif old is MISSING:
            yield Change(
                "added", f"{path}.{name}", f"{label} now {words.format(code(name), value_words(new))}.", after=new
            )
        else:
            message = f"{label} {words.format(code(name), value_words(new))} instead of {value_words(old)}."
            yield Change("changed", f"{path}.{name}", message, old, new)


def plain(before: Any, after: Any, path: str, name: str) -> Iterator[Change]:
    """What there are no words for, as every kind of definition tells it."""
    old = {} if before is MISSING else {name: before}
    new = {} if after is MISSING else {name: after}
    for each in plain_changes(old, new, tuple(path.split(".")) if path else ()):
        yield Change(
            each["kind"], each["path"], each["message"], each.get("before", MISSING), each.get("after", MISSING)
        )


def _sentence(name: str, old: Any, new: Any, label: str) -> str | None:
    if name in TIMES:
        return _replaced(TIMES[name], old, new, label, time_words)
    if name in PLAIN or name in WORK:
        return _replaced(PLAIN.get(name) or WORK[name], old, new, label, _named_values)
    return None


def _replaced(words: str, old: Any, new: Any, label: str, shown: Any) -> str:
    if new is MISSING:
        return f"{label} no longer {words.format(shown(old))}."
    if old is MISSING:
        return f"{label} now {words.format(shown(new))}."
    return f"{label} {words.format(shown(new))} instead of {shown(old)}."


def _named_values(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return listed([value_words(each) for each in value])
    return value_words(value)


def _ways_out(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str], path: str, label: str
) -> Iterator[Change]:
    old, new = ways(before), ways(after)

    def name(step_id: str) -> str:
        return names.get(step_id, step_id)

    gone = {when: target for when, target in old.items() if when not in new}
    fresh = {when: target for when, target in new.items() if when not in old}
    for when, target in new.items():
        if when in old and old[when] != target:
            yield Change(
                "changed", f"{path}.next", _leads(label, when, name(target), name(old[when])), old[when], target
            )
    for when, target in fresh.items():
        same = next((each for each, place in gone.items() if place == target), None)
        if same is not None:
            del gone[same]
            message = f"{label} leads to {name(target)} {_always(when)}; before, {_always(same)}."
            yield Change("changed", f"{path}.next", message, same, when)
        elif when == THEN:
            yield Change("added", f"{path}.next", f"After {label} now comes {name(target)}.", after=target)
        else:
            yield Change("added", f"{path}.next", f"{label} leads to {name(target)} {when}; that is new.", after=target)
    for when, target in gone.items():
        if when == THEN and not new:
            message = f"The path ends after {label}; {name(target)} came next."
        else:
            message = f"{label} no longer leads to {name(target)}{'' if when == THEN else ' ' + when}."
        yield Change("removed", f"{path}.next", message, before=target)


def _leads(label: str, when: str, new: str, old: str) -> str:
    if when == THEN:
        return f"After {label} comes {new} instead of {old}."
    return f"{label} leads to {new} instead of {old} {when}."


def _always(when: str) -> str:
    return "always" if when == THEN else when


def _work(before: Any, after: Any, path: str, label: str) -> Iterator[Change]:
    """Who does a manual task, by when, with which form and answers."""
    old = before if isinstance(before, Mapping) else {}
    new = after if isinstance(after, Mapping) else {}
    for name, left, right in entries(old, new):
        place = f"{path}.{name}"
        if name == "actions":
            yield from _answers(left, right, place, label)
        elif name == "taskForm" and not any(isinstance(each, str) for each in (left, right)):
            yield from schema_changes(left, right, place, f"the form of {label}")
        elif name == "taskForm":
            yield changed(place, f"{label} shows another form.", old, new, name)
        elif (message := _sentence(name, left, right, label)) is not None:
            yield changed(place, message, old, new, name)
        else:
            yield from plain(left, right, path, name)


def _answers(before: Any, after: Any, path: str, label: str) -> Iterator[Change]:
    old, new = _actions(before), _actions(after)
    for key, left, right in entries(old, new):
        if right is MISSING:
            message = f"{label} no longer offers the answer {_answer(left)}."
            yield Change("removed", f"{path}.{key}", message, before=left)
        elif left is MISSING:
            yield Change("added", f"{path}.{key}", f"{label} offers the new answer {_answer(right)}.", after=right)
        elif _answer(left) != _answer(right):
            message = f"{label} calls the answer {key} {_answer(right)} instead of {_answer(left)}."
            yield Change("changed", f"{path}.{key}", message, left, right)
        else:
            yield Change(
                "changed", f"{path}.{key}", f"{label} shows the answer {_answer(right)} otherwise.", left, right
            )


def _actions(value: Any) -> dict[str, Any]:
    return {str(each.get("actionKey")): each for each in value} if isinstance(value, list) else {}


def _answer(action: Mapping[str, Any]) -> str:
    return f"“{action.get('label') or action.get('actionKey')}”"


def _condition(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    old, new = before.get("condition", MISSING), after.get("condition", MISSING)
    if new is MISSING:
        message = f"{label} is always done; before, only when {value_words(old)}."
    elif old is MISSING:
        message = f"{label} is done only when {value_words(new)}; before, always."
    else:
        message = f"{label} is done only when {value_words(new)}; before, when {value_words(old)}."
    yield changed(path, message, before, after, "condition")


def _retries(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    old, new = _policy(before.get("retryPolicy")), _policy(after.get("retryPolicy"))
    yield changed(path, f"{label} is tried {new}; before, {old}.", before, after, "retryPolicy")


def _policy(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "as its task says"
    retries = value.get("maxRetries")
    attempts = value.get("maxAttempts", retries + 1 if isinstance(retries, int) else 3)
    delay = value.get("delay", value.get("retryInterval"))
    growing = value.get("strategy") == "exponential" or "backoffMultiplier" in value
    words = f"up to {attempts} times" if attempts != 1 else "once"
    if delay is not None and attempts != 1:
        words += f", {time_words(delay)} apart" + (" and more each time" if growing else "")
    if most := value.get("maxDelay", value.get("maxRetryInterval")):
        words += f", at most {time_words(most)}"
    if errors := value.get("retryableErrors"):
        words += f", after {listed([code(each) for each in errors], 'or')} only"
    return words


def _failure(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    old, new = (_action(each.get("onFailure")) for each in (before, after))
    if old != new:
        message = f"When {label} fails for good, {new}; before, {old}."
        yield changed(f"{path}.action", message, before, after, "onFailure")


def _action(handler: Any) -> str:
    action = handler.get("action", "stop") if isinstance(handler, Mapping) else "stop"
    return ACTIONS.get(action, str(action))


def _join(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    old, new = _joined(before), _joined(after)
    # `join` and `count` make one sentence, told where the first of them differs.
    first = "join" if before.get("join") != after.get("join") else "count"
    if old != new and path.endswith(f".{first}"):
        yield changed(path, f"{label} goes on when {new}; before, when {old}.", before, after, first)


def _joined(step: Mapping[str, Any]) -> str:
    join = step.get("join", "ALL")
    return JOINS.get(join) or f"{step.get('count', 'some')} of its branches have ended"


def _event_limit(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    old, new = before.get("eventTimeout") or {}, after.get("eventTimeout") or {}
    for name, left, right in entries(old, new):
        if name == "duration":
            message = _replaced("waits at most {0}", left, right, label, time_words)
            yield changed(f"{path}.duration", message, old, new, name)
        elif name == "at":
            message = _replaced("waits until {0} at most", left, right, label, value_words)
            yield changed(f"{path}.at", message, old, new, name)


def _name(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    was = f"“{before['name']}”" if before.get("name") else "without a name"
    yield changed(path, f"{label} is called so now; it was {was}.", before, after, "name")


def _type(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    old, new = (TYPES.get(each.get("type", "TASK"), each.get("type")) for each in (before, after))
    if old != new:
        yield changed(path, f"{label} is {new} now; it was {old}.", before, after, "type")


def _description(before: Mapping[str, Any], after: Mapping[str, Any], path: str, label: str) -> Iterator[Change]:
    yield changed(path, f"{label} is described otherwise.", before, after, "description")


_SPECIAL = {
    "condition": _condition,
    "retryPolicy": _retries,
    "onFailure": _failure,
    "join": _join,
    "count": _join,
    "eventTimeout": _event_limit,
    "name": _name,
    "type": _type,
    "description": _description,
}
