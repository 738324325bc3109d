"""A workflow document laid out flat: every step with its pointer and the list of steps (the scope) that holds it.

Reading is total: a field that is missing or has the wrong type is read as absent, because the document's JSON Schema
reports it. So everything built on the outline works on any JSON value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.validation.violations import pointer_to

ScopeKind = Literal["workflow", "branch", "items"]

BRANCH_FIELDS = ("branches", "parallelBranches")
MAX_DEPTH = 64
"""Steps nested deeper than any accepted JSON document are not walked into."""


@dataclass(slots=True)
class Scope:
    """A list of steps that runs as one path: the workflow's own, a branch of a PARALLEL, the body of a FOR_EACH."""

    number: int
    kind: ScopeKind
    pointer: str
    name: str = ""
    owner: Step | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    @property
    def condition(self) -> str | None:
        """A branch with a condition is left out when that is false."""
        return text(self.document, "condition") if self.kind == "branch" else None

    def chain(self) -> Iterator[Scope]:
        """This scope, then the one around it, and so on out to the workflow's own."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.owner.scope if scope.owner is not None else None


@dataclass(slots=True)
class Step:
    """One step of the document. `number` counts all steps in document order, nested ones after their owner."""

    number: int
    step_id: str
    type: str
    pointer: str
    document: Mapping[str, Any]
    scope: Scope
    inner: list[Scope] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"step {self.step_id!r}"


@dataclass(frozen=True, slots=True)
class Compensation:
    """An entry of `compensationSteps`."""

    step_id: str
    compensates: str
    pointer: str
    document: Mapping[str, Any]


@dataclass(slots=True)
class Outline:
    """The whole document, flat. `by_id` holds the first step of each id; `doubles` pairs later ones with it."""

    document: Mapping[str, Any]
    root: Scope
    scopes: list[Scope] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    by_id: dict[str, Step] = field(default_factory=dict)
    doubles: list[tuple[str, str, str]] = field(default_factory=list)
    compensations: list[Compensation] = field(default_factory=list)

    def start_of(self, scope: Scope) -> Step | None:
        """The step a scope begins with: `startAt` for the workflow's own, else its first."""
        start_at = text(self.document, "startAt") if scope.kind == "workflow" else None
        if start_at is not None:
            found = self.by_id.get(start_at)
            return found if found is not None and found.scope is scope else None
        return scope.steps[0] if scope.steps else None


def goes_on_after_failures(step: Step) -> bool:
    """Whether this is a FOR_EACH that completes although items failed; then it has an output and an error."""
    return step.type == "FOR_EACH" and step.document.get("onItemFailure") == "CONTINUE"


def text(document: Mapping[str, Any], name: str) -> str | None:
    """The field when it is a string that is not empty."""
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The field when it is an object, else an empty one."""
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def records(document: Mapping[str, Any], name: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The objects in a list field, each with its index."""
    value = document.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [(index, entry) for index, entry in enumerate(value) if isinstance(entry, Mapping)]


def has_expressions(value: Any) -> bool:
    """Whether a JSON value has `${…}` in any of its strings."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(has_expressions(each) for each in value.values())
    return isinstance(value, list) and any(has_expressions(each) for each in value)


def read_outline(document: Mapping[str, Any]) -> Outline:
    """Lay out a workflow document; never raises."""
    root = Scope(0, "workflow", "/steps")
    outline = Outline(document=document, root=root)
    outline.scopes.append(root)
    _read_steps(outline, root, document, depth=0)
    places = {step.step_id: step.pointer for step in outline.by_id.values()}
    for index, entry in records(document, "compensationSteps"):
        pointer = pointer_to("compensationSteps", index)
        step_id = text(entry, "stepId") or ""
        outline.compensations.append(Compensation(step_id, text(entry, "compensationFor") or "", pointer, entry))
        if step_id in places:
            outline.doubles.append((step_id, pointer, places[step_id]))
        elif step_id:
            places[step_id] = pointer
    return outline


def _read_steps(outline: Outline, scope: Scope, holder: Mapping[str, Any], depth: int) -> None:
    for index, document in records(holder, "steps"):
        pointer = scope.pointer + pointer_to(index)
        step_id = text(document, "stepId") or ""
        step = Step(len(outline.steps), step_id, text(document, "type") or "TASK", pointer, document, scope)
        outline.steps.append(step)
        scope.steps.append(step)
        if step_id in outline.by_id:
            outline.doubles.append((step_id, pointer, outline.by_id[step_id].pointer))
        elif step_id:
            outline.by_id[step_id] = step
        if depth < MAX_DEPTH:
            _read_inner(outline, step, depth)


def _read_inner(outline: Outline, step: Step, depth: int) -> None:
    if step.type == "FOR_EACH":
        _open_scope(outline, step, "items", step.pointer + "/steps", step.document, depth)
    if step.type != "PARALLEL":
        return
    name = next((name for name in BRANCH_FIELDS if records(step.document, name)), None)
    for index, branch in records(step.document, name) if name else ():
        pointer = step.pointer + pointer_to(name or "", index, "steps")
        _open_scope(outline, step, "branch", pointer, branch, depth)


def _open_scope(
    outline: Outline, owner: Step, kind: ScopeKind, pointer: str, holder: Mapping[str, Any], depth: int
) -> None:
    name = text(holder, "name") or text(holder, "branchId") or str(len(owner.inner))
    scope = Scope(len(outline.scopes), kind, pointer, name if kind == "branch" else "", owner, holder)
    outline.scopes.append(scope)
    owner.inner.append(scope)
    _read_steps(outline, scope, holder, depth + 1)
