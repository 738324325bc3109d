"""What the workflow routes take and give, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.validation.api.definitions import DefinitionSerializer, VersionSerializer
from apps.validation.api.serializers import StrictSerializer, ViolationSerializer
from apps.workflows.models import BulkOperation, WorkflowDefinition
from apps.workflows.services.instances import BATCH_LIMIT
from apps.workflows.services.verbs import OPERATIONS


class WorkflowCountsSerializer(serializers.Serializer[Any]):
    running = serializers.IntegerField()
    failed = serializers.IntegerField()
    recent = serializers.IntegerField(help_text="started in the last 24 hours")


class WorkflowSummarySerializer(serializers.Serializer[Any]):
    """A workflow in a list: its newest version, and the one that new runs use."""

    workflowId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    latestVersion = serializers.CharField()
    publishedVersion = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=WorkflowDefinition.Status.choices)
    tags = serializers.ListField(child=serializers.CharField())
    updatedAt = serializers.DateTimeField()
    violations = serializers.IntegerField()
    instances = WorkflowCountsSerializer()


class WorkflowVersionSerializer(VersionSerializer):
    """One version in a list, with what runs on it."""

    share = serializers.IntegerField(allow_null=True, help_text="percent of new starts; null: they are not split")
    running = serializers.IntegerField(help_text="runs under way")


class WorkflowSerializer(DefinitionSerializer):
    """One version of a workflow."""

    versions = WorkflowVersionSerializer(many=True)
    workflowId = serializers.CharField()
    instances = WorkflowCountsSerializer()


class StartSerializer(StrictSerializer):
    """Starting a run."""

    workflowId = serializers.CharField(max_length=255)
    version = serializers.CharField(max_length=64, required=False, help_text="default: the newest published")
    input = serializers.JSONField(required=False, help_text="must fit the workflow's inputSchema")
    correlationId = serializers.CharField(max_length=255, required=False)


class BatchSerializer(StrictSerializer):
    instances = serializers.ListField(child=StartSerializer(), min_length=1, max_length=BATCH_LIMIT)


class BatchResultSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.UUIDField(), help_text="in the order of the request")


class InstanceSummarySerializer(serializers.Serializer[Any]):
    """A run in a list."""

    id = serializers.UUIDField()
    workflowDefinitionId = serializers.CharField()
    workflowName = serializers.CharField()
    definitionVersion = serializers.CharField()
    status = serializers.CharField()
    currentStepId = serializers.CharField(allow_null=True)
    correlationId = serializers.CharField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    startedBy = serializers.CharField(allow_null=True, help_text="username")
    startedAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()
    completedAt = serializers.DateTimeField(allow_null=True)


class InstanceSerializer(InstanceSummarySerializer):
    """A run, with the latest visit of each step and what it waits for."""

    input = serializers.JSONField(allow_null=True)
    output = serializers.JSONField(allow_null=True)
    version = serializers.IntegerField()
    seq = serializers.IntegerField(help_text="number of the latest history entry")
    state = serializers.JSONField(
        help_text="{variables, currentStepId, steps, waitingFor}; a FOR_EACH step has items {total, byStatus}, one inside it visits"
    )
    cancellation = serializers.JSONField(allow_null=True)
    compensationState = serializers.JSONField(allow_null=True)
    parentInstanceId = serializers.UUIDField(allow_null=True)
    triggerEventId = serializers.CharField(allow_null=True)
    document = serializers.JSONField(help_text="the definition that the run is pinned to")


class HistoryEntrySerializer(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    type = serializers.CharField()
    stepId = serializers.CharField(required=False)
    visit = serializers.IntegerField(required=False)
    executionId = serializers.UUIDField(required=False)

    def get_fields(self) -> dict[str, Any]:
        # A field named `data` would hide the serializer's own property of that name.
        return super().get_fields() | {"data": serializers.JSONField(required=False)}


class PastStateSerializer(serializers.Serializer[Any]):
    """What a run was like after one of its history's entries."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField(allow_null=True, help_text="when that entry was written; null before the first")
    status = serializers.CharField()
    definitionVersion = serializers.CharField()
    variables = serializers.DictField(child=serializers.JSONField())
    currentStepId = serializers.CharField(allow_null=True)
    steps = serializers.DictField(child=serializers.JSONField(), help_text="the latest visit of each step by then")
    positions = serializers.ListField(
        child=serializers.JSONField(), help_text="visits under way: {executionId, stepId, visit, since, attempts}"
    )
    open = serializers.IntegerField(help_text="how many positions there were; at most 200 are listed")
    events = serializers.ListField(child=serializers.JSONField(), help_text="the latest 200: {eventId}")
    eventCount = serializers.IntegerField()
    output = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    cancellation = serializers.JSONField(allow_null=True)
    suspension = serializers.JSONField(allow_null=True, help_text="{at, reason, requestedBy} while it was suspended")
    document = serializers.JSONField(required=False, help_text="the definition, where it was another version then")


class HistorySerializer(serializers.Serializer[Any]):
    items = HistoryEntrySerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="link to the entries that follow")
    state = PastStateSerializer(required=False, help_text="with `at`, on the first page")


class ExplanationSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    sentence = serializers.CharField()
    since = serializers.DateTimeField()
    movesWhen = serializers.CharField()
    waitingFor = serializers.ListField(
        child=serializers.JSONField(), help_text="as in the run's state, each with its own sentence and movesWhen"
    )
    queue = serializers.JSONField(
        allow_null=True, help_text="{key, ahead, capacity, holders} while the run waits for a slot of its workflow"
    )
    endsBy = serializers.DateTimeField(allow_null=True, help_text="when the run as a whole times out")
    cancelledBy = serializers.ListField(
        child=serializers.JSONField(),
        help_text="events that would cancel it: {eventPattern, eventCondition, shouldCompensate, sentence}",
    )


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=1_000, required=False, allow_blank=True, default="")


class CancelSerializer(ReasonSerializer):
    shouldCompensate = serializers.BooleanField(required=False, default=False)


class RetrySerializer(ReasonSerializer):
    stepId = serializers.CharField(max_length=255, required=False, help_text="default: where the run failed")
    version = serializers.CharField(
        max_length=64, required=False, help_text="a published version, or latest; default: the one the run is on"
    )
    input = serializers.JSONField(required=False, help_text="replaces what the step would compute as its input")


class SkipSerializer(ReasonSerializer):
    stepId = serializers.CharField(max_length=255, required=False, help_text="default: the one the run stands at")
    executionId = serializers.UUIDField(required=False, help_text="where the run stands at a step more than once")
    output = serializers.JSONField(required=False, help_text="becomes the step's output")
    outcome = serializers.CharField(
        max_length=255, required=False, help_text="an outcome of the step; of a DECISION, the step to go to"
    )


class MoveSerializer(ReasonSerializer):
    executionId = serializers.UUIDField(required=False, help_text="where the run stands at a step more than once")
    to = serializers.CharField(max_length=255, help_text="a step of the same path")
    input = serializers.JSONField(required=False, help_text="replaces what the step would compute as its input")

    def get_fields(self) -> dict[str, Any]:
        where = serializers.CharField(max_length=255, required=False, help_text="default: where the run stands")
        return {"from": where, **super().get_fields()}


class SignalSerializer(ReasonSerializer):
    name = serializers.CharField(max_length=255, help_text="the event's name, as the step's pattern asks for")
    payload = serializers.JSONField(required=False, default=dict)


class MigrateSerializer(ReasonSerializer):
    version = serializers.CharField(max_length=64)
    mapping = serializers.DictField(
        child=serializers.CharField(), required=False, default=dict, help_text="step → its name in the new version"
    )


class PreviewSerializer(StrictSerializer):
    """A verb and the fields that it takes itself."""

    operation = serializers.ChoiceField(choices=OPERATIONS)
    reason = serializers.CharField(max_length=1_000, required=False, allow_blank=True)
    shouldCompensate = serializers.BooleanField(required=False)
    stepId = serializers.CharField(max_length=255, required=False)
    executionId = serializers.UUIDField(required=False)
    output = serializers.JSONField(required=False)
    outcome = serializers.CharField(max_length=255, required=False)
    to = serializers.CharField(max_length=255, required=False)
    input = serializers.JSONField(required=False)
    version = serializers.CharField(max_length=64, required=False)
    mapping = serializers.DictField(child=serializers.CharField(), required=False)
    name = serializers.CharField(max_length=255, required=False)
    payload = serializers.JSONField(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.CharField(max_length=255, required=False)}


class BulkFilterSerializer(StrictSerializer):
    """As the list of runs takes them; at least one."""

    status = serializers.ListField(child=serializers.CharField(max_length=17), required=False)
    workflowId = serializers.CharField(max_length=255, required=False)
    version = serializers.CharField(max_length=64, required=False)
    correlationId = serializers.CharField(max_length=255, required=False)
    search = serializers.CharField(max_length=255, required=False)
    startedAfter = serializers.DateTimeField(required=False)
    startedBefore = serializers.DateTimeField(required=False)


class BulkRequestSerializer(PreviewSerializer):
    """A verb, the fields that it takes itself, and either a filter or the ids of runs."""

    filter = BulkFilterSerializer(required=False)
    ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)


class BulkSummarySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    operation = serializers.CharField()
    arguments = serializers.DictField()
    filter = serializers.DictField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=BulkOperation.Status.choices)
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    requestedBy = serializers.CharField(allow_null=True, help_text="username")
    createdAt = serializers.DateTimeField()
    completedAt = serializers.DateTimeField(allow_null=True)


class BulkProblemSerializer(serializers.Serializer[Any]):
    instanceId = serializers.UUIDField()
    detail = serializers.CharField()


class BulkSerializer(BulkSummarySerializer):
    """How far a bulk operation has come."""

    problems = BulkProblemSerializer(many=True, help_text="the first 100 runs that it could not be done to")


class BulkRefusedSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    count = serializers.IntegerField()
    sentence = serializers.CharField()


class BulkForeseenSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField()
    allowed = serializers.IntegerField()
    refused = BulkRefusedSerializer(many=True)
    sentence = serializers.CharField()


class ConsequenceSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(
        help_text="STEP_SKIPPED, STEP_CANCELLED, TASK_WITHDRAWN, TIMER_STOPPED, TIMER_RESUMED, CHILD_CANCELLED,"
        " STEP_UNDONE, KEPT, STEP_AGAIN, STEP_BEGINS, EVENT_EMITTED, RUN_ENDS"
    )
    sentence = serializers.CharField()
    stepId = serializers.CharField(required=False)
    name = serializers.CharField(required=False)
    count = serializers.IntegerField(required=False)


class ForeseenSerializer(serializers.Serializer[Any]):
    """What a verb would do."""

    operation = serializers.CharField()
    allowed = serializers.BooleanField()
    refusal = serializers.CharField(allow_null=True, help_text="why not, and what would have to be different")
    sentence = serializers.CharField(help_text="all of it in one sentence")
    consequences = ConsequenceSerializer(many=True)
    endsAs = serializers.CharField(allow_null=True, help_text="the status that the run ends in because of it")
    violations = ViolationSerializer(many=True, help_text="fields that do not fit; warnings where it is allowed")


class MockSerializer(StrictSerializer):
    """The answer of the outside world to a step or a task."""

    stepId = serializers.CharField(required=False)
    taskId = serializers.CharField(required=False)
    workflowId = serializers.CharField(required=False, help_text="of the run that a SUB_WORKFLOW step starts")
    response = serializers.JSONField(required=False)
    error = serializers.JSONField(required=False, help_text="a code, or {type, code, message, retryable}")
    action = serializers.CharField(required=False, help_text="the action a person takes")
    outcome = serializers.CharField(required=False)
    delay = serializers.CharField(required=False, help_text="ISO 8601 duration")
    times = serializers.IntegerField(required=False, min_value=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name in attrs for name in ("stepId", "taskId", "workflowId")) != 1:
            raise serializers.ValidationError("A mock names a stepId, a taskId or a workflowId.")
        return attrs


class DryRunSerializer(StrictSerializer):
    definition = serializers.DictField(help_text="a workflow document; see schemas/workflow.json")
    input = serializers.JSONField(required=False)
    mocks = serializers.ListField(child=MockSerializer(), required=False, default=list, max_length=1_000)
    examples = serializers.BooleanField(
        required=False,
        default=False,
        help_text="answer what no mock answers with an example of what its schema asks for",
    )


class DryRunEffectsSerializer(serializers.Serializer[Any]):
    """What the run would do outside."""

    sentence = serializers.CharField()
    calls = serializers.ListField(
        child=serializers.JSONField(),
        help_text="{stepId, taskId, attempt, at, kind, method, endpoint, url, headers, body, problem}; credentials masked",
    )
    tasks = serializers.ListField(child=serializers.JSONField(), help_text="{stepId, at, title, for, dueAt}")
    children = serializers.ListField(
        child=serializers.JSONField(), help_text="{stepId, workflowId, version, input, at, wait}"
    )
    events = serializers.ListField(child=serializers.JSONField(), help_text="{pattern, stepId, at}")
    each = serializers.ListField(
        child=serializers.JSONField(),
        help_text="what the items of a FOR_EACH do at a step: {stepId, kind: CALL | TASK | CHILD | EVENT, items, count, sentence}; "
        "of that only the first few are in the other lists",
    )
    cancelledBy = serializers.ListField(
        child=serializers.JSONField(),
        help_text="events that would cancel the run: {eventPattern, eventCondition, shouldCompensate, sentence}",
    )


class DryRunResultSerializer(serializers.Serializer[Any]):
    """What would have happened."""

    status = serializers.CharField()
    path = serializers.ListField(child=serializers.CharField(), help_text="steps in the order they were entered")
    steps = serializers.DictField(child=serializers.JSONField(), help_text="the latest visit of each step")
    output = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    variables = serializers.DictField(child=serializers.JSONField())
    tasks = serializers.ListField(
        child=serializers.JSONField(),
        help_text="each attempt of each task: {stepId, visit, attempt, kind, taskId, input, at, seconds, answer, "
        "answeredAt, error, person: {title, assignee, candidateUsers, candidateGroups, dueAt, priority, actions, problem}}",
    )
    events = serializers.ListField(child=serializers.JSONField(), help_text="{pattern, payload, stepId, at}")
    effects = DryRunEffectsSerializer()
    timings = serializers.ListField(
        child=serializers.JSONField(),
        help_text="each visit of each step: {stepId, visit, status, attempts, startedAt, completedAt, seconds}",
    )
    waitsAt = serializers.ListField(child=serializers.CharField(), help_text="steps that no mock answers")
    startedAt = serializers.DateTimeField(help_text="where the virtual clock began")
    seconds = serializers.FloatField(help_text="how long the run would have taken")
    history = HistoryEntrySerializer(many=True)
