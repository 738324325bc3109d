"""What stands in a workflow's own document under ``triggers``: in force while that version is the published one.

Each is a row like others of its kind (``inline`` is true); only the document changes it. Pausing one is for people, and
outlives publishing a new version. A kind of trigger says in an :class:`Inline` what is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.auth.models import User
from apps.auth.services import record_audit
from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation
from apps.workflows.models import WorkflowDefinition

Put = Callable[[Any, User, str, dict[str, Any], datetime], object]


@dataclass(frozen=True)
class Inline:
    """A kind of inline trigger; ``called`` as their ``type``. ``model`` has key, workflow_id, inline, enabled and paused_by.

    ``check``: (entry, workflow document) → what is wrong with it. ``rights``: raises AccessDenied for who may not have such
    an entry in force. ``put``: write an entry into its locked row, or into a new one. ``halt``: let a row rest, unsaved.
    ``mine``: which of the model's rows stand in workflow documents.
    """

    called: str
    noun: str
    id_field: str
    model: type[Any]
    check: Callable[[dict[str, Any], Mapping[str, Any]], list[Violation]]
    rights: Callable[[User, dict[str, Any]], None]
    put: Put
    halt: Callable[[Any, datetime], None]
    remove: Callable[[Iterable[UUID]], None]
    mine: Q = field(default_factory=lambda: Q(inline=True))

    def entries(self, document: Mapping[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """(index among the triggers, key, document of its own) of each in a workflow document."""
        workflow_id = document["workflowId"]
        for index, entry in enumerate(document.get("triggers") or ()):
            if entry["type"] == self.called:
                name = entry.get("triggerId", f"{self.called}-{index + 1}")
                key = f"{workflow_id[:120]}_{name[:120]}"
                own = {field: value for field, value in entry.items() if field not in ("type", "triggerId")}
                yield index, key, {self.id_field: key, "workflowId": workflow_id, **own}

    def problems(self, document: Mapping[str, Any]) -> list[Violation]:
        """What is wrong with those of a workflow document, whose own inputSchema their inputs must fit."""
        found, seen = [], set()
        for index, key, entry in self.entries(document):
            pointer = f"/triggers/{index}"
            found += [each.under(pointer) for each in self.check(entry, document)]
            if key in seen:
                found.append(
                    Violation("duplicate-trigger", f"There is another {self.noun} {key}.", f"{pointer}/triggerId")
                )
            seen.add(key)
        return found

    def follow(self, row: WorkflowDefinition, actor: User, moment: datetime) -> None:
        """Make those of a workflow as this version, the newest published one, says; they act as who published it.

        One that a person has paused stays paused. AccessDenied; Unprocessable when another one has the name.
        """
        rows = self.model._default_manager
        entries = {key: entry for _, key, entry in self.entries(row.document)}
        present = {each.key: each for each in rows.select_for_update().filter(self.mine, workflow_id=row.key)}
        if not entries and not present:
            return
        for entry in entries.values():
            self.rights(actor, entry)
        taken = rows.filter(key__in=entries.keys() - present.keys()).values_list("key", flat=True)
        if taken:
            code, message = f"{self.noun}-id-taken", f"There is another {self.noun} {{}}."
            found = [Violation(code, message.format(key), "/triggers") for key in taken]
            raise Unprocessable(f"A {self.noun} of that name is there already.", violations=found)
        for key, entry in entries.items():
            found_row = present.get(key)
            if found_row is not None and not found_row.enabled and found_row.paused_by:
                entry = {**entry, "enabled": False}
            self.put(found_row, actor, key, entry, moment)
        self.remove([each.id for key, each in present.items() if key not in entries])
        record_audit(
            actor=actor,
            action=f"{self.noun}.follow",
            resource="workflow",
            resource_id=f"{row.key}@{row.version}",
            details={f"{self.noun}s": sorted(entries), "removed": sorted(present.keys() - entries.keys())},
        )

    def rest(self, workflow_id: str, moment: datetime) -> None:
        """Pause those of a workflow that is archived; publishing it again goes on with them."""
        rows = self.model._default_manager.select_for_update()
        for row in rows.filter(self.mine, workflow_id=workflow_id, enabled=True):
            self.halt(row, moment)
            row.save()
