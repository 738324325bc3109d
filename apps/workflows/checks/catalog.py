"""What the checks know of the world around a workflow: the tasks, components, workflows and events it names.

The checks see it only through :class:`Catalog`; the service hands in one that reads the database, a bundle of files
one made of documents (:class:`DocumentCatalog`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.tasks.repeating import is_repeatable

from .forms import form_schema
from .outline import mapping, records, text
from .shapes import NoField, Schema, field_of, resolved

Component = Callable[[str], Mapping[str, Any] | None]

INLINE_KINDS = frozenset({"EXPRESSION", "BUSINESS_DATA"})
"""Task kinds that run inside an advance, without waiting for the outside world."""

DEFAULT_ACTIONS = ("complete",)
"""What a person can do with a task that names no actions."""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What a step needs to know of a task. A schema is None when the definition has none: anything is possible.

    `outcomes`: the outcomes it can have as far as its definition says (the action keys of a manual task, the `enum` of
    `outputSchema.properties.outcome`), none when the schema has no outcome, or None when that is open. `repeatable`:
    doing it twice does no harm, as far as the definition says.
    """

    task_id: str
    type: str = "AUTOMATED"
    kind: str = ""
    input_schema: Mapping[str, Any] | None = None
    output_schema: Mapping[str, Any] | None = None
    outcomes: tuple[str, ...] | None = None
    version: str = ""
    repeatable: bool = True

    @property
    def waits(self) -> bool:
        """Whether a person does it, so that a loop around it does not spin."""
        return self.type == "MANUAL" or self.kind == "HUMAN"

    @property
    def inline(self) -> bool:
        return self.kind in INLINE_KINDS


class Catalog(Protocol):
    """Where the checks look things up. `None` means that there is no such thing."""

    def task(self, task_id: str, version: str | None) -> TaskFacts | None:
        """The version, or with None the one that a new instance would use."""

    def task_ids(self) -> list[str]: ...

    def component(self, component_id: str) -> Mapping[str, Any] | None:
        """The UI component's document."""

    def component_ids(self) -> list[str]: ...

    def workflow(self, workflow_id: str, version: str | None) -> Mapping[str, Any] | None:
        """The workflow's document."""

    def workflow_ids(self) -> list[str]: ...

    def event(self, pattern: str) -> Mapping[str, Any] | None:
        """The definition of the events that have exactly this pattern; None when nobody defined one."""

    def people(self, names: Collection[str]) -> Collection[str] | None:
        """Those of the names that are an active person, or a team or role of one; None when that is not known here."""

    def calendar(self, calendar_id: str) -> Mapping[str, Any] | None:
        """The working calendar's document."""

    def calendar_ids(self) -> list[str]: ...


def task_facts(document: Mapping[str, Any], *, form: Mapping[str, Any] | None = None) -> TaskFacts:
    """The facts of a task definition. `form`: the JSON Schema of the component that a manual task names as its form."""
    implementation = mapping(document, "implementation")
    parameters = mapping(implementation, "parameters")
    kind, task_type = text(implementation, "kind") or "", text(document, "type") or "AUTOMATED"
    output: Mapping[str, Any] | None = mapping(document, "outputSchema") or None
    # An expression for the outcome can give anything.
    outcomes = None if "outcome" in parameters else outcomes_of_schema(output)
    if task_type == "MANUAL" or kind == "HUMAN":
        inline = mapping(parameters, "taskForm")
        output = output or form or (inline if "componentId" not in inline else None) or None
        outcomes = action_keys(parameters) or DEFAULT_ACTIONS
    return TaskFacts(
        task_id=text(document, "taskId") or "",
        type=task_type,
        kind=kind,
        input_schema=mapping(document, "inputSchema") or None,
        output_schema=output,
        outcomes=outcomes,
        version=text(document, "version") or "",
        repeatable=is_repeatable(implementation),
    )


def form_of(document: Mapping[str, Any], component: Component) -> Schema | None:
    """The schema of the UI component that a manual task has as its form, where that is known."""
    form: Any = mapping(mapping(document, "implementation"), "parameters").get("taskForm")
    if form is None:
        form = next((entry for _, entry in records(document, "uiComponents")), None)
    component_id = form.get("componentId") if isinstance(form, Mapping) else form
    found = component(component_id) if isinstance(component_id, str) else None
    return None if found is None else form_schema(found)


def action_keys(manual: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the buttons that a person can press."""
    keys = (text(action, "actionKey") for _, action in records(manual, "actions"))
    return tuple(key for key in keys if key is not None)


def outcomes_of_schema(schema: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """The `enum` or `const` of an output's `outcome`; none at all when the output has fields, but no such one."""
    if schema and isinstance(field_of(resolved(schema), "outcome"), NoField):
        return ()
    outcome = mapping(mapping(schema or {}, "properties"), "outcome")
    if isinstance(outcome.get("const"), str):
        return (outcome["const"],)
    listed = outcome.get("enum")
    if isinstance(listed, list):
        return tuple(value for value in listed if isinstance(value, str))
    return None


@dataclass
class DocumentCatalog:
    """A catalog made of definition documents, as in a bundle. The last document of an id and version wins."""

    tasks: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    components: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    workflows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    events: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    members: Collection[str] | None = None
    calendars: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]]) -> DocumentCatalog:
        """Documents that carry their `kind`; those of other kinds are ignored."""
        catalog = cls()
        for document in documents:
            catalog.add(document)
        return catalog

    def add(self, document: Mapping[str, Any]) -> None:
        kind = document.get("kind")
        if kind == "task" and (task_id := text(document, "taskId")):
            self.tasks.setdefault(task_id, []).append(document)
        elif kind == "workflow" and (workflow_id := text(document, "workflowId")):
            self.workflows.setdefault(workflow_id, []).append(document)
        elif kind == "uiComponent" and (component_id := text(document, "componentId")):
            self.components[component_id] = document
        elif kind == "event" and (pattern := text(document, "pattern")):
            self.events[pattern] = document
        elif kind == "calendar" and (calendar_id := text(document, "calendarId")):
            self.calendars[calendar_id] = document

    def task(self, task_id: str, version: str | None) -> TaskFacts | None:
        document = _version_of(self.tasks.get(task_id, ()), version)
        return None if document is None else task_facts(document, form=form_of(document, self.component))

    def task_ids(self) -> list[str]:
        return sorted(self.tasks)

    def component(self, component_id: str) -> Mapping[str, Any] | None:
        return self.components.get(component_id)

    def component_ids(self) -> list[str]:
        return sorted(self.components)

    def workflow(self, workflow_id: str, version: str | None) -> Mapping[str, Any] | None:
        return _version_of(self.workflows.get(workflow_id, ()), version)

    def workflow_ids(self) -> list[str]:
        return sorted(self.workflows)

    def event(self, pattern: str) -> Mapping[str, Any] | None:
        return self.events.get(pattern)

    def people(self, names: Collection[str]) -> Collection[str] | None:
        return self.members

    def calendar(self, calendar_id: str) -> Mapping[str, Any] | None:
        return self.calendars.get(calendar_id)

    def calendar_ids(self) -> list[str]:
        return sorted(self.calendars)


def _version_of(documents: Iterable[Mapping[str, Any]], version: str | None) -> Mapping[str, Any] | None:
    found = None
    for document in documents:
        if version is None or document.get("version", "1.0.0") == version:
            found = document
    return found
