"""Which kind of definition a document is, by its `kind` or by its shape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from apps.validation.schemas import registry
from apps.validation.schemas.renames import camel

# Kinds that people write; the registry's others are what the platform itself records.
KINDS = (
    "workflow",
    "task",
    "event",
    "trigger",
    "schedule",
    "webhook",
    "webhookSubscription",
    "sequence",
    "integration",
    "integrationInstance",
    "uiComponent",
    "validationRule",
    "flagConfiguration",
    "test",
    "testSuite",
    "entity",
    "role",
    "permission",
)
_OTHER_NAMES = {
    "ui": "uiComponent",
    "component": "uiComponent",
    "form": "uiComponent",
    "eventtrigger": "trigger",
    "webhooktrigger": "webhook",
    "scheduletrigger": "schedule",
    "eventsequence": "sequence",
    "testcase": "test",
    "connector": "integration",
    "connection": "integrationInstance",
    "rule": "validationRule",
}
# A document is of a kind when it has all fields of one of these groups, and is of no kind above it in the list.
_MARKS: tuple[tuple[str, tuple[frozenset[str], ...]], ...] = tuple(
    (kind, tuple(frozenset(group.split()) for group in groups))
    for kind, groups in (
        ("test", ("testId", "targetId cases", "target cases")),
        ("testSuite", ("suiteId", "tests environment")),
        ("sequence", ("sequenceId", "events rollbackStrategy")),
        ("workflow", ("workflowId steps", "id steps", "name steps", "workflowDefinitionId steps")),
        ("task", ("taskId implementation", "id implementation", "name implementation", "taskDefinitionId implementation")),
        ("integrationInstance", ("integrationId credentials", "integrationId instanceId", "integrationId config context")),
        ("integration", ("integrationId methods", "id methods authType", "name methods authType", "methods authType")),
        ("uiComponent", ("componentId", "componentType", "id componentType")),
        ("webhook", ("path auth", "webhookId")),
        ("webhookSubscription", ("url eventPatterns",)),
        ("schedule", ("cron workflowId", "cron workflowDefinitionId", "scheduleId", "cronExpression workflowId", "interval workflowId")),
        ("trigger", ("triggerType", "eventPattern workflowId", "eventPattern workflowDefinitionId", "triggerId eventPattern")),
        ("event", ("eventId pattern", "eventId payloadSchema", "id pattern payloadSchema", "name pattern payloadSchema", "pattern payloadSchema")),
        ("entity", ("entityId", "relationships schema")),
        ("validationRule", ("ruleId type", "ruleId value")),
        ("flagConfiguration", ("configName", "flagConfigurationId")),
        ("role", ("permissions parentRoles", "permissions isSystem", "roleId permissions", "name permissions")),
        ("permission", ("action resource",)),
    )
)  # fmt: skip


def fold(name: str) -> str:
    """A name without what spellings differ in: `payload_schema`, `PayloadSchema` → `payloadschema`."""
    return "".join(character for character in name.lower() if character.isalnum())


def named(text: str) -> str:
    """The kind that a word names, in whatever spelling; "" for none."""
    word = fold(text).removesuffix("definition")
    exact = {fold(kind): kind for kind in KINDS}
    return exact.get(word) or _OTHER_NAMES.get(word, "")


def looks_like(document: Any) -> str:
    """The kind whose shape the document has; "" when it has that of none."""
    if not isinstance(document, Mapping):
        return ""
    names = {camel(name) for name in document if isinstance(name, str)}
    for kind, groups in _MARKS:
        # `id` and `type` are too common to tell one kind from another.
        renamed = {other: name for other, name in _renamed(kind).items() if other not in ("id", "type")}
        fields = names | {renamed[name] for name in names if name in renamed}
        if any(group <= fields for group in groups) and _PROOFS.get(kind, lambda document: True)(document):
            return kind
    return ""


@cache
def _renamed(kind: str) -> dict[str, str]:
    return dict(registry.get(kind).get("x-renamed", {}))


def _has_steps(document: Mapping[str, Any]) -> bool:
    """Whether what stands in `steps` looks like steps, and not like anything else of that name."""
    steps = next((value for name, value in document.items() if fold(name) == "steps"), None)
    listed = list(steps.values()) if isinstance(steps, Mapping) else steps
    if not isinstance(listed, list):
        return False
    marks = {"id", "stepid", "type", "steptype", "taskid", "task"}
    return all(isinstance(each, Mapping) and marks & {fold(name) for name in each} for each in listed)


def _has_permissions(document: Mapping[str, Any]) -> bool:
    permissions = document.get("permissions")
    return isinstance(permissions, list) and all(isinstance(each, str) for each in permissions)


_PROOFS = {"workflow": _has_steps, "role": _has_permissions}


def id_field(kind: str) -> str:
    """The field that holds the business id: the required one that ends in Id, `name` for roles and permissions."""
    required = registry.get(kind).get("required", ()) if kind in registry else ()
    return next((name for name in required if name.endswith("Id")), "name")
