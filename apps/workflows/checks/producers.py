"""What every root of an expression holds: the start input, the variables, and what each step leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .catalog import DEFAULT_ACTIONS, Catalog, TaskFacts, action_keys
from .forms import form_schema
from .graph import Graph, How
from .outline import Outline, Scope, Step, goes_on_after_failures, mapping, text
from .shapes import ANYTHING, Schema, array_schema, items_of, object_schema, resolved, schema_of_value, union
from .sizes import Sizes
from .wiring import join_count

STATUS: Schema = {
    "type": "string",
    "enum": [
        "PENDING",
        "RUNNING",
        "WAITING",
        "COMPLETED",
        "FAILED",
        "SKIPPED",
        "CANCELLED",
        "TIMED_OUT",
        "COMPENSATED",
    ],
}
ERROR: Schema = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "object"},
    },
    "additionalProperties": False,
}
FAILURE: Schema = {**ERROR, "required": ["type", "code", "message", "details"]}
"""What `error` is behind a failure."""
TEXT: Schema = {"type": "string"}
NULL: Schema = {"type": "null"}

Infer = Callable[[str, Any, Step], Schema]
"""(pointer, template or `items` expression, step) → the schema of its value, reporting nothing."""


@dataclass(slots=True)
class Producers:
    """Schemas by producer; each is worked out once, when it is first asked for."""

    outline: Outline
    catalog: Catalog
    graph: Graph | None = None
    infer: Infer | None = None
    _tasks: dict[tuple[str, str | None], TaskFacts | None] = field(default_factory=dict)
    _schemas: dict[int, Schema] = field(default_factory=dict)
    _outputs: dict[int, Schema] = field(default_factory=dict)
    _items: dict[int, Schema] = field(default_factory=dict)
    _sizes: Sizes = field(default_factory=Sizes)
    _input: Schema | None = None
    _variables: Schema | None = None

    # The workflow's own roots

    def input(self) -> Schema:
        if self._input is None:
            self._input = resolved(self.outline.document.get("inputSchema"))
        return self._input

    def variables(self) -> Schema:
        """All declared variables and no others. One without a schema may hold anything."""
        if self._variables is None:
            declared = mapping(self.outline.document, "variables")
            properties = {name: self.variable(entry) for name, entry in declared.items()}
            self._variables = object_schema(properties)
        return self._variables

    @staticmethod
    def variable(entry: Any) -> Schema:
        """A variable starts as its `initial` (null without one), whatever its schema says of later."""
        if not isinstance(entry, Mapping) or not isinstance(entry.get("schema"), Mapping):
            return ANYTHING
        schema = resolved(entry["schema"])
        return schema if entry.get("initial") is not None else union([schema, NULL])

    # Tasks

    def task(self, step: Step) -> TaskFacts | None:
        """The task that a TASK step names, None when it names none or an unknown one."""
        task_id = text(step.document, "taskId")
        return None if task_id is None else self.task_by_id(task_id, text(step.document, "taskVersion"))

    def exists(self, step: Step) -> bool:
        """False for a TASK step whose task is unknown; nothing more should be said about what it does."""
        return step.type != "TASK" or self.task(step) is not None

    def task_by_id(self, task_id: str, version: str | None) -> TaskFacts | None:
        key = (task_id, version)
        if key not in self._tasks:
            self._tasks[key] = self.catalog.task(task_id, version)
        return self._tasks[key]

    def resolved(self, schema: Mapping[str, Any] | None) -> Schema:
        """References put in place; the same schema object is worked on once."""
        if schema is None:
            return ANYTHING
        found = self._schemas.get(id(schema))
        if found is None:
            found = self._schemas[id(schema)] = resolved(schema)
        return found

    def outcomes(self, step: Step) -> tuple[str, ...] | None:
        """What the step can end with as far as somebody has said; None when that is open."""
        if step.type == "HUMAN_TASK":
            return action_keys(mapping(step.document, "taskDefinition")) or DEFAULT_ACTIONS
        if step.type == "TASK":
            facts = self.task(step)
            return None if facts is None else facts.outcomes
        if step.type == "PARALLEL":
            # Only the first of several says which one it was.
            return tuple(scope.name for scope in step.inner) if step.document.get("join") == "ANY" else ()
        return None if step.type in ("SUB_WORKFLOW", "EVENT_WAIT") else ()

    # Results of steps

    def result(self, step: Step) -> Schema:
        """`steps.<id>`: status, output, error."""
        properties = {"status": STATUS, "output": self.output(step), "error": ERROR}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def output(self, step: Step) -> Schema:
        """What the step leaves as its output when it completes."""
        if step.number not in self._outputs:
            # A step that computes from its own output (in a loop) sees it as unknown.
            self._outputs[step.number] = ANYTHING
            self._outputs[step.number] = self._sizes.bounded(self._output(step))
        return self._outputs[step.number]

    def item(self, loop: Step) -> Schema:
        """`item` inside a FOR_EACH."""
        if loop.number not in self._items:
            self._items[loop.number] = ANYTHING
            if self.infer is not None and isinstance(loop.document.get("items"), str):
                source = self.infer(loop.pointer + "/items", loop.document["items"], loop)
                self._items[loop.number] = items_of(source)
        return self._items[loop.number]

    def _output(self, step: Step) -> Schema:
        document = step.document
        match step.type:
            case "TASK":
                facts = self.task(step)
                return ANYTHING if facts is None else self.resolved(facts.output_schema)
            case "HUMAN_TASK":
                return self.form(step)
            case "TRANSFORM" | "END":
                return self._inferred(step, "output") if "output" in document else NULL
            case "EMIT_EVENT":
                payload = self._inferred(step, "payload") if "payload" in document else schema_of_value({})
                return object_schema({"eventId": TEXT, "pattern": TEXT, "payload": payload})
            case "DECISION":
                return object_schema({"nextStep": TEXT})
            case "DELAY":
                return object_schema({"until": TEXT})
            case "PARALLEL":
                return self._branches(step)
            case "FOR_EACH":
                return array_schema(self._contribution(step))
            case "SUB_WORKFLOW":
                return self._child(step)
            case "EVENT_WAIT" if "eventPayloadMapping" in document:
                return self._inferred(step, "eventPayloadMapping")
            case "EVENT_WAIT":
                return self.payload(text(document, "eventPattern"))
        return ANYTHING

    def form(self, step: Step) -> Schema:
        """What a person's answer looks like: the inline form schema, or what the named component says."""
        form = mapping(step.document, "taskDefinition").get("taskForm")
        component_id = form.get("componentId", ANYTHING) if isinstance(form, Mapping) else form
        if isinstance(form, Mapping) and component_id is ANYTHING:
            return self.resolved(form)
        component = self.catalog.component(component_id) if isinstance(component_id, str) else None
        return ANYTHING if component is None else form_schema(component) or ANYTHING

    def payload(self, pattern: str | None) -> Schema:
        """What events of a pattern bring along; unknown where the pattern stands for several or nobody defined it."""
        definition = None if pattern is None or "*" in pattern else self.catalog.event(pattern)
        schema = None if definition is None else definition.get("payloadSchema")
        return self.resolved(schema) if isinstance(schema, Mapping) else ANYTHING

    def event(self, pattern: str | None) -> Schema:
        """`event` where one of the pattern has come."""
        properties = {"payload": self.payload(pattern), "eventId": TEXT, "pattern": TEXT}
        return {"type": "object", "properties": properties, "additionalProperties": True}

    def _contribution(self, loop: Step) -> Schema:
        """What each item adds to the list of a FOR_EACH; nothing where its failure does not stop the others."""
        if "output" in loop.document:
            given = self._inferred(loop, "output")
        else:
            given = union([self._last_output(scope) for scope in loop.inner])
        return union([given, NULL]) if goes_on_after_failures(loop) else given

    def _inferred(self, step: Step, name: str) -> Schema:
        return ANYTHING if self.infer is None else self.infer(f"{step.pointer}/{name}", step.document[name], step)

    def _branches(self, step: Step) -> Schema:
        """The last output of every branch that ended, by the branch's name."""
        properties = {scope.name: self._last_output(scope) for scope in step.inner}
        every = join_count(step) >= len(step.inner)
        required = [scope.name for scope in step.inner if every and scope.condition is None]
        return {**object_schema(properties), "required": required}

    def _last_output(self, scope: Scope) -> Schema:
        if self.graph is None:
            return ANYTHING
        schemas = []
        for edge in self.graph.incoming[self.graph.exit_of(scope)]:
            if edge.step is scope.owner:
                continue  # a branch that is left out says nothing at all
            if edge.step is None or edge.how is not How.SUCCESS:
                schemas.append(NULL)
            else:
                schemas.append(self.output(edge.step))
        return union(schemas)

    def _child(self, step: Step) -> Schema:
        workflow_id = text(step.document, "workflowId")
        if step.document.get("wait") is False:
            return object_schema({"instanceId": TEXT})
        if workflow_id is None:
            return ANYTHING
        child = self.catalog.workflow(workflow_id, text(step.document, "version"))
        return ANYTHING if child is None else resolved(child.get("outputSchema"))
