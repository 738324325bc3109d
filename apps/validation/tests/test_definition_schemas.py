"""The schemas in `schemas/`: valid, closed, described, with examples that fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from apps.validation.problems import NotFound
from apps.validation.schemas import check_document, registry
from apps.validation.schemas.fields import known_fields

KINDS = sorted(registry.kinds)

# What the definition language promises, kind by kind.
FIELDS = {
    "workflow": "workflowId name description version tags metadata inputSchema outputSchema variables startAt steps output "
    "onFailure compensationSteps cancellationTriggers triggers onComplete uiComponents executionLog timeout concurrency",
    "common/step-base": "stepId type name description input condition setVariables next transitions retryPolicy timeout "
    "onFailure uiComponents",
    "common/steps/task": "taskId taskVersion",
    "common/steps/human-task": "taskDefinition",
    "common/human-work": "assignee assigneeRole candidateUsers candidateGroups priority dueIn escalation sla notifications",
    "common/steps/decision": "choices default",
    "common/steps/parallel": "branches parallelBranches join count",
    "common/steps/for-each": "items steps concurrency onItemFailure",
    "common/steps/event-wait": "eventPattern eventCondition eventTimeout eventPayloadMapping lookback",
    "common/steps/delay": "duration until calendar",
    "common/steps/sub-workflow": "workflowId version wait",
    "common/steps/emit-event": "pattern payload",
    "common/steps/transform": "output",
    "common/steps/end": "status output",
    "common/retry-policy": "maxAttempts delay strategy multiplier maxDelay jitter retryableErrors maxRetries retryInterval "
    "backoffMultiplier maxRetryInterval",
    "common/failure-handler": "action nextStepId errorHandler",
    "workflowInstance": "id workflowDefinitionId definitionVersion status input output state version correlationId "
    "triggerEventId parentInstanceId cancellation compensationState error startedAt updatedAt completedAt",
    "trigger": "workflowId eventPattern triggerType eventCondition inputMapping correlationKey enabled priority description",
    "schedule": "cron interval timezone startAt endAt input overlap catchUp jitter enabled",
    "calendar": "calendarId timezone workingHours holidays",
    "webhook": "webhookId path auth workflowId inputMapping eventPattern eventMapping payloadMapping eventIdFrom headers "
    "contentTypes respond enabled",
    "common/webhook-auth": "kind secretName header algorithm timestampHeader username",
    "webhookSubscription": "subscriptionId url eventPatterns eventCondition format secretName authSecretName headers timeout "
    "maxRetries retryDelay enabled",
    "subscription": "workflowInstanceId eventPattern filterCondition correlation timeoutAt status fulfilledAt "
    "fulfilledByEventId waitStepId timeoutHandlerStepId",
    "event": "eventId pattern version sourceTypes payloadSchema examples uiMetadata status",
    "eventInstance": "eventId pattern version source timestamp payload metadata",
    "queue": "id status checkpointId queueMetrics config",
    "checkpoint": "queueId checkpointId eventCount createdAt",
    "sequence": "sequenceId name version status events metadata rollbackStrategy",
    "deadLetter": "eventId subscriberId originalEvent error retryHistory retryCount maxRetries status resolution",
    "task": "taskId type implementation inputSchema outputSchema timeout retryPolicy executionConfig uiComponents",
    "taskInstance": "taskDefinitionId workflowInstanceId stepId status type input output error executorId assignee priority "
    "retryCount retryPolicy executionMetadata taskReference dueAt version",
    "integration": "integrationId type methods configSchema authType oauth2Config aiConfig",
    "integrationInstance": "instanceId integrationId context credentials config status",
    "user": "username email fullName status mfaEnabled mfaMethods profile identities roles metadata",
    "role": "name permissions parentRoles isSystem constraints",
    "permission": "name conditions metadata",
    "serviceAccount": "clientId roles publicKey",
    "test": "testId type targetId cases sharedMocks",
    "testSuite": "suiteId tests",
    "testRun": "testDefinitionId status environment triggeredBy",
    "testCaseResult": "caseId status durationMs input output error assertions",
    "uiComponent": "componentId componentType title fields layout actions customProps",
    "validationRule": "ruleId type value errorMessage",
    "flagConfiguration": "configName styles badgeConfigs",
    "entity": "entityId schema relationships uniqueKeys indexes search display events",
    "record": "id entityId data version createdBy",
}


@pytest.mark.parametrize("schema_id", list(registry))
def test_schema_is_valid_and_says_what_it_is(schema_id: str) -> None:
    schema = registry.get(schema_id)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] and schema["description"]
    assert schema["$id"] == f"https://augmented-os.dev/schemas/{schema_id}.json"


@pytest.mark.parametrize("schema_id", [each for each in registry if each not in ("common/values", "common/step-base")])
def test_schema_teaches_by_examples_that_fit(schema_id: str) -> None:
    examples = registry.get(schema_id)["examples"]
    assert examples
    for example in examples:
        assert [found.as_json() for found in check_document(schema_id, example)] == []


@pytest.mark.parametrize(("schema_id", "fields"), FIELDS.items(), ids=FIELDS)
def test_schema_knows_every_field_of_the_language(schema_id: str, fields: str) -> None:
    known = known_fields(registry.get(schema_id)).names
    assert set(fields.split()) - known.keys() == set()


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_field_of_any_kind_is_an_error(kind: str) -> None:
    document = {**registry.get(kind)["examples"][0], "zzzUnknown": 1}
    assert [(found.code, found.pointer) for found in check_document(kind, document)] == [
        ("unknown-field", "/zzzUnknown")
    ]


def _fields_without_description(schema: Any, place: str = "") -> Iterator[str]:
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items() if isinstance(schema.get("properties"), dict) else ():
            if (
                isinstance(field, dict)
                and field.keys() - {"const"}
                and not field.get("description")
                and "$ref" not in field
            ):
                yield f"{place}/{name}"
        for key, value in schema.items():
            if key not in ("examples", "if"):
                yield from _fields_without_description(value, f"{place}/{key}")
    elif isinstance(schema, list):
        for position, value in enumerate(schema):
            yield from _fields_without_description(value, f"{place}/{position}")


@pytest.mark.parametrize("schema_id", list(registry))
def test_every_field_is_described(schema_id: str) -> None:
    allowed = {"common/step": {"/type"}}
    assert set(_fields_without_description(registry.get(schema_id))) - allowed.get(schema_id, set()) == set()


def test_bundle_stands_on_its_own() -> None:
    bundle = registry.bundle("workflow")
    validator = jsonschema.Draft202012Validator(bundle)
    [example] = bundle["examples"]
    validator.validate(example)
    assert not validator.is_valid({**example, "steps": [{"stepId": "a", "type": "DELAY"}]})


def test_unknown_schema_is_not_found() -> None:
    with pytest.raises(NotFound):
        registry.get("nothing")
    with pytest.raises(NotFound):
        check_document("../secrets", {})
