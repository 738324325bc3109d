"""What an expression sees, by the scope it stands in: the run's own, or inside an item of a FOR_EACH.

Inside an item there are also ``item`` and ``index``, and ``steps`` shows the item's own steps over those around it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from .state import Execution

Results = dict[str, Execution]
"""The latest execution of each step of one scope."""


class Scopes:
    """The items that an advance knows, the results inside them, and the contexts made of both."""

    def __init__(self, executions: dict[UUID, Execution], inner: Mapping[str, Results]) -> None:
        self._executions = executions
        self._results: dict[str, Results] = {scope: dict(found) for scope, found in inner.items()}
        self._items: dict[str, UUID] = {}
        self._contexts: dict[str, dict[str, Any]] = {}
        self._below: dict[str, list[str]] = defaultdict(list)
        for execution in executions.values():
            self.add(execution)

    def add(self, execution: Execution) -> None:
        if execution.is_item:
            self._items[execution.scope] = execution.id

    def item(self, scope: str) -> Execution | None:
        """The item that a scope belongs to, None for the run's own."""
        return self._executions[self._items[scope]] if scope else None

    def results(self, scope: str) -> Results:
        return self._results.setdefault(scope, {})

    def context(self, scope: str, root: dict[str, Any]) -> dict[str, Any]:
        """The context inside an item; ``root``: the run's own. Kept until something around it changes."""
        if not scope:
            return root
        if (known := self._contexts.get(scope)) is not None:
            return known
        item = self._executions[self._items[scope]]
        assert item.parent_id is not None
        outside = self._executions[item.parent_id].scope
        around = self.context(outside, root)
        own = {step_id: execution.result() for step_id, execution in self.results(scope).items()}
        context = {**around, "item": item.input, "index": item.branch, "steps": {**around["steps"], **own}}
        self._contexts[scope] = context
        self._below[outside].append(scope)
        return context

    def show(self, execution: Execution) -> None:
        """Let the contexts show this execution's result."""
        scope = execution.scope
        if scope:
            self.results(scope)[execution.step_id] = execution
            if (context := self._contexts.get(scope)) is not None:
                context["steps"][execution.step_id] = execution.result()
        for below in self._below.pop(scope, ()):
            self._forget(below)

    def leave(self, scope: str) -> None:
        """An item has ended: nobody looks into it any more."""
        self._forget(scope)
        self._results.pop(scope, None)

    def _forget(self, scope: str) -> None:
        self._contexts.pop(scope, None)
        for below in self._below.pop(scope, ()):
            self._forget(below)
