"""What changed between two versions of a workflow, in sentences for whoever operates it.

Steps are told apart by their id. One whose id is gone and that certainly lives on under another (:mod:`.pairing`) is
*renamed*, and what merely follows from its new name is not told again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from apps.workflows.checks.outline import Outline, Scope, Step, read_outline

from .pairing import END, Shape, neighbours, pair
from .schema_words import schema_changes
from .step_words import TYPES, mapping_changes, plain, step_changes
from .ways import failure_ways, ways
from .words import MISSING, Change, changed, code, entries, listed, time_words, value_words

_STEPS = frozenset({"steps", "compensationSteps", "startAt", "version", "kind", "workflowId"})
ON_CONFLICT = {
    "QUEUE": "waits its turn",
    "REJECT": "is refused",
    "CANCEL_RUNNING": "takes the place of the oldest",
}


def workflow_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """[{kind: added|removed|changed|renamed|moved, path, message, before?, after?, stepId?}], the workflow's own first.

    ``path`` names members of lists by their id: ``steps.ask.taskDefinition.assignee``.
    """
    renames = pair(_shapes(read_outline(before)), _shapes(read_outline(after)))
    versions = _Versions(read_outline(_translated(before, renames)), read_outline(after), renames)
    return [each.as_json() for each in (*_workflow(before, after, versions), *versions.changes())]


class _Versions:
    """The steps of two versions. The old one's ids are written as the new one calls them."""

    def __init__(self, before: Outline, after: Outline, renames: Mapping[str, str]) -> None:
        self.before, self.after = before, after
        self.was = {new: old for old, new in renames.items()}
        self.names = {step.step_id: _called(step) for outline in (before, after) for step in outline.by_id.values()}

    def called(self, step: Step | None) -> str:
        return "nothing" if step is None else self.names[step.step_id]

    def changes(self) -> Iterator[Change]:
        old, new = self.before.by_id, self.after.by_id
        for step_id in new:
            if step_id in self.was:
                message = f"The step {self.was[step_id]} has the id {step_id} now: {self.names[step_id]}."
                yield Change("renamed", f"steps.{step_id}", message, self.was[step_id], step_id, step_id)
            if step_id not in old:
                yield self._added(new[step_id])
                continue
            found = [*self._moved(old[step_id], new[step_id]), *self._changed(old[step_id], new[step_id])]
            yield from (replace(each, step_id=step_id) for each in found)
        for step_id in old:
            if step_id not in new:
                yield self._removed(old[step_id])

    def _added(self, step: Step) -> Change:
        leading = [
            self.names[each.step_id]
            for each in self.after.steps
            if step.step_id in ways(each.document).values() and each.step_id != step.step_id
        ]
        where = f", after {listed(leading, 'or')}" if leading else self._place(step.scope, ", ")
        message = f"{self.names[step.step_id]} is new: {TYPES.get(step.type, step.type)}{where}."
        return Change("added", f"steps.{step.step_id}", message, after=step.document, step_id=step.step_id)

    def _removed(self, step: Step) -> Change:
        message = f"{self.names[step.step_id]} is gone; it was {TYPES.get(step.type, step.type)}."
        return Change("removed", f"steps.{step.step_id}", message, before=step.document, step_id=step.step_id)

    def _moved(self, old: Step, new: Step) -> Iterator[Change]:
        if _where(old.scope) != _where(new.scope):
            message = f"{self.names[new.step_id]} lies{self._place(new.scope)} now; it was{self._place(old.scope)}."
            yield Change("moved", f"steps.{new.step_id}", message)

    def _place(self, scope: Scope, comma: str = " ") -> str:
        if scope.owner is None:
            return f"{comma}on the main path"
        if scope.kind == "branch":
            return f"{comma}in the branch “{scope.name}” of {self.names[scope.owner.step_id]}"
        return f"{comma}inside {self.names[scope.owner.step_id]}"

    def _changed(self, old: Step, new: Step) -> Iterator[Change]:
        path, label = f"steps.{new.step_id}", self.names[new.step_id]
        yield from step_changes(old.document, new.document, self.names, path, label)
        branches = {scope.name: scope for scope in old.inner}, {scope.name: scope for scope in new.inner}
        for name, left, right in entries(*branches):
            place = f"{path}.branches.{name}"
            if right is MISSING:
                yield Change("removed", place, f"The branch “{name}” of {label} is gone.")
            elif left is MISSING:
                yield Change("added", place, f"{label} has the new branch “{name}”.")
            else:
                yield from self._scope(left, right, place, label)

    def _scope(self, old: Scope, new: Scope, path: str, label: str) -> Iterator[Change]:
        first, was = self.after.start_of(new), self.before.start_of(old)
        whose = f"The branch “{new.name}” of {label}" if new.kind == "branch" else f"Each item of {label}"
        if (first and first.step_id) != (was and was.step_id):
            message = f"{whose} begins with {self.called(first)} instead of {self.called(was)}."
            yield Change("changed", f"{path}.steps", message)
        condition, before = new.condition, old.condition
        if condition != before:
            now = f"is taken only when {value_words(condition)}" if condition else "is always taken"
            then = f"only when {value_words(before)}" if before else "always"
            yield changed(
                f"{path}.condition", f"{whose} {now}; before, {then}.", old.document, new.document, "condition"
            )


def _workflow(before: Mapping[str, Any], after: Mapping[str, Any], versions: _Versions) -> Iterator[Change]:
    first, was = versions.after.start_of(versions.after.root), versions.before.start_of(versions.before.root)
    if (first and first.step_id) != (was and was.step_id):
        message = f"A run begins with {versions.called(first)} instead of {versions.called(was)}."
        yield Change("changed", "startAt", message, was and was.step_id, first and first.step_id)
    translated = versions.before.document
    for name, _, _ in entries(translated, after):
        if name not in _STEPS:
            old, new = translated.get(name, MISSING), after.get(name, MISSING)
            yield from _field(name, old, new, translated, after, versions)
    yield from _undoing(versions)


def _field(
    name: str, old: Any, new: Any, before: Mapping[str, Any], after: Mapping[str, Any], versions: _Versions
) -> Iterator[Change]:
    if name == "inputSchema":
        yield from schema_changes(old, new, name, "the input")
    elif name == "outputSchema":
        yield from schema_changes(old, new, name, "the output")
    elif name == "output" and all(each is MISSING or isinstance(each, Mapping) for each in (old, new)):
        yield from mapping_changes(old, new, name, "The run", "gives {0} as {1}")
    elif name == "variables":
        yield from _variables(old, new)
    elif name == "onFailure":
        yield from _handler(old, new, versions)
    elif name == "name":
        yield changed(name, f"The workflow is called “{new}”; it was “{old}”.", before, after, name)
    elif name == "description":
        yield changed(name, "The workflow is described otherwise.", before, after, name)
    elif name == "timeout":
        yield changed(name, _limit(old, new), before, after, name)
    elif name == "concurrency":
        yield changed(name, f"{_at_once(new)} Before: {_at_once(old)}", before, after, name)
    else:
        yield from plain(old, new, "", name)


def _variables(before: Any, after: Any) -> Iterator[Change]:
    for name, old, new in entries(before, after):
        path = f"variables.{name}"
        if new is MISSING:
            yield Change("removed", path, f"The variable {code(name)} is gone.", before=old)
        elif old is MISSING:
            first = f"is {value_words(new['initial'])} at first" if "initial" in new else "has no value at first"
            yield Change("added", path, f"The new variable {code(name)} {first}.", after=new)
        elif old.get("initial", MISSING) != new.get("initial", MISSING):
            now = f"is {value_words(new['initial'])}" if "initial" in new else "has no value"
            was = f"was {value_words(old['initial'])}" if "initial" in old else "had none"
            yield Change("changed", path, f"The variable {code(name)} {now} at first; before, it {was}.", old, new)
        else:
            yield from schema_changes(old.get("schema"), new.get("schema"), path, f"the variable {code(name)}")


def _handler(before: Any, after: Any, versions: _Versions) -> Iterator[Change]:
    old, new = (dict(failure_ways(each)) for each in (before, after))
    for when, left, right in entries(old, new):
        place = versions.names.get(right, right)
        if right is MISSING or right is None:
            message = f"A run that fails no longer goes to {versions.names.get(left, left)} {when}."
        else:
            message = f"A run that fails goes to {place} {when}" + (" now." if left in (MISSING, None) else ".")
        if left is not right:
            yield Change("changed", "onFailure", message)
    if (was := _action(before)) != (now := _action(after)):
        yield Change("changed", "onFailure.action", f"When a run fails: {now} (before: {was}).")


def _action(handler: Any) -> str:
    return str(handler.get("action", "stop")) if isinstance(handler, Mapping) else "stop"


def _limit(old: Any, new: Any) -> str:
    if new is MISSING:
        return f"A run may take as long as it needs; the limit was {time_words(old)}."
    was = "there was no limit" if old is MISSING else f"the limit was {time_words(old)}"
    return f"A run may take at most {time_words(new)}; {was}."


def _at_once(value: Any) -> str:
    if value is MISSING:
        return "As many runs as are started go on at once."
    key = f" for each {value_words(value['key'])}" if "key" in value else ""
    limit = "1 run goes" if value["limit"] == 1 else f"{value['limit']} runs go"
    return f"{limit} on at once{key}; one more {ON_CONFLICT[value.get('onConflict', 'QUEUE')]}."


def _undoing(versions: _Versions) -> Iterator[Change]:
    """Which work is undone, and by what; told by the step whose work it is."""
    old, new = ({each.compensates: each for each in one.compensations} for one in (versions.before, versions.after))
    for done, left, right in entries(old, new):
        label, path = versions.names.get(done, done), f"compensationSteps.{done}"
        if right is MISSING:
            message = f"What {label} does is no longer undone; it was, by {code(left.document.get('taskId'))}."
            yield Change("removed", path, message, before=left.document)
        elif left is MISSING:
            message = f"What {label} does can be undone now, by {code(right.document.get('taskId'))}."
            yield Change("added", path, message, after=right.document)
        elif left.document != right.document:
            undo = f"Undoing {label}"
            was, now = ({k: v for k, v in each.document.items() if k != "stepId"} for each in (left, right))
            yield from step_changes(was, now, versions.names, path, undo)


def _called(step: Step) -> str:
    name = step.document.get("name")
    return f"“{name}”" if name else step.step_id


def _where(scope: Scope) -> tuple[str, str]:
    return ("", "") if scope.owner is None else (scope.owner.step_id, scope.name)


def _shapes(outline: Outline) -> dict[str, Shape]:
    targets = {step.step_id: set(ways(step.document).values()) for step in outline.by_id.values()}
    first = outline.start_of(outline.root)
    before = neighbours(targets, first.step_id if first else "")
    return {
        step_id: Shape(
            step_id,
            step.type,
            str(step.document.get("name") or step_id),
            None if step.scope.owner is None else step.scope.owner.step_id,
            str(step.document.get("taskId", "")),
            before[step_id],
            frozenset(targets[step_id] or {END}),
        )
        for step_id, step in outline.by_id.items()
    }


_TARGETS = frozenset(
    {"stepId", "next", "nextStep", "nextStepId", "default", "startAt", "timeoutHandlerStepId", "compensationFor"}
)


def _translated(value: Any, renames: Mapping[str, str], field: str = "") -> Any:
    """A document with its steps called as the other version calls them: as targets, and in expressions."""
    if not renames:
        return value
    if isinstance(value, Mapping):
        # The values of `transitions` are targets whatever their names.
        return {
            name: _translated(each, renames, "next" if field == "transitions" else name) for name, each in value.items()
        }
    if isinstance(value, list):
        return [_translated(each, renames) for each in value]
    if isinstance(value, str):
        return renames.get(value, value) if field in _TARGETS else _reading(value, renames)
    return value


def _reading(text: str, renames: Mapping[str, str]) -> str:
    if "steps" not in text:
        return text
    names = "|".join(re.escape(each) for each in sorted(renames, key=len, reverse=True))
    text = re.sub(rf"(\bsteps\.\??)({names})(?![\w-])", lambda found: found[1] + renames[found[2]], text)
    return re.sub(rf"(\bsteps\[['\"])({names})(?=['\"]\])", lambda found: found[1] + renames[found[2]], text)
