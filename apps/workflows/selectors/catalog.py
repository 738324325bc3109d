"""What the checks of a workflow may ask about other definitions, answered from the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from apps.auth.selectors import names_of_active
from apps.events.models import EventDefinition
from apps.tasks.models import TaskDefinition
from apps.validation.definitions.kinds import known_kinds
from apps.validation.definitions.models import Definition
from apps.validation.definitions.services import Instead
from apps.workflows.checks.catalog import TaskFacts, form_of, task_facts
from apps.workflows.models import CalendarDefinition, WorkflowDefinition


class DatabaseCatalog:
    """The stored definitions. One catalog serves one check: what it has read it keeps.

    `instead`: documents that are to stand for stored ones, to see what a change would do. An event is called by its
    pattern there, everything else by its id.
    """

    def __init__(self, instead: Instead | None = None) -> None:
        self._instead = instead or {}
        self._tasks: dict[tuple[str, str | None], TaskFacts | None] = {}

    def task(self, task_id: str, version: str | None) -> TaskFacts | None:
        name = (task_id, version)
        if name not in self._tasks:
            document = self._other("task", task_id, version) or _document(TaskDefinition, task_id, version)
            self._tasks[name] = (
                None if document is None else task_facts(document, form=form_of(document, self.component))
            )
        return self._tasks[name]

    def task_ids(self) -> list[str]:
        return self._task_ids

    @cached_property
    def _task_ids(self) -> list[str]:
        return _keys(TaskDefinition)

    def component(self, component_id: str) -> Mapping[str, Any] | None:
        """None where this installation keeps no UI components: then a form is written into the step or the task itself."""
        kind = known_kinds().get("uiComponent")
        stored = None if kind is None else _document(kind.model, component_id, None)
        return self._other("uiComponent", component_id, None) or stored

    def component_ids(self) -> list[str]:
        kind = known_kinds().get("uiComponent")
        return [] if kind is None else _keys(kind.model)

    def workflow(self, workflow_id: str, version: str | None) -> Mapping[str, Any] | None:
        return self._other("workflow", workflow_id, version) or _document(WorkflowDefinition, workflow_id, version)

    def workflow_ids(self) -> list[str]:
        return self._workflow_ids

    @cached_property
    def _workflow_ids(self) -> list[str]:
        return _keys(WorkflowDefinition)

    def event(self, pattern: str) -> Mapping[str, Any] | None:
        """The definition of the events with this pattern; None when nobody defined one."""
        if (other := self._other("event", pattern, None)) is not None:
            return other
        rows = EventDefinition.objects.filter(document__pattern=pattern).live().newest_first()
        row = rows.published().first() or rows.first()
        return None if row is None else row.document

    def _other(self, kind: str, key: str, version: str | None) -> Mapping[str, Any] | None:
        """The document that is to stand for a stored one; not where another version of it is asked for by name."""
        found = self._instead.get((kind, key))
        return found if found is not None and version in (None, found.get("version", "1.0.0")) else None

    def people(self, names: Collection[str]) -> Collection[str] | None:
        return names_of_active(names)

    def calendar(self, calendar_id: str) -> Mapping[str, Any] | None:
        return _document(CalendarDefinition, calendar_id, None)

    def calendar_ids(self) -> list[str]:
        return _keys(CalendarDefinition)


def _document(model: type[Definition], key: str, version: str | None) -> dict[str, Any] | None:
    """The named version, else what a new run would use: the newest published one, before that the newest draft."""
    rows = model.objects.filter(key=key).live().newest_first()
    row = rows.filter(version=version).first() if version else rows.published().first() or rows.first()
    return None if row is None else row.document


def _keys(model: type[Definition]) -> list[str]:
    return list(model.objects.live().order_by("key").values_list("key", flat=True).distinct()[:5_000])
