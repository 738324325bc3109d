"""What comes in, checked field by field, and what goes out, as the OpenAPI document describes it.

Answers are built by `apps.tasks.presentation`; the output serializers here state their shape.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.tasks import presentation
from apps.tasks.models import Priority, Task
from apps.tasks.services.bulk import MAX_TASKS
from apps.validation.api.serializers import StrictSerializer


class TaskPersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    fullName = serializers.CharField(allow_blank=True)


class TaskSummarySerializer(serializers.Serializer[Task]):
    """A task in a list."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(choices=Task.Type.choices)
    status = serializers.ChoiceField(choices=Task.Status.choices)
    priority = serializers.ChoiceField(choices=Priority.names)
    taskDefinitionId = serializers.CharField(allow_null=True)
    definitionVersion = serializers.CharField(allow_null=True)
    workflowInstanceId = serializers.UUIDField(allow_null=True)
    stepId = serializers.CharField(allow_null=True)
    assignee = TaskPersonSerializer(allow_null=True)
    candidateUsers = serializers.ListField(child=serializers.CharField())
    candidateGroups = serializers.ListField(child=serializers.CharField())
    requestedBy = TaskPersonSerializer(allow_null=True)
    completedBy = TaskPersonSerializer(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    dueAt = serializers.DateTimeField(allow_null=True)
    overdue = serializers.BooleanField()
    createdAt = serializers.DateTimeField()
    startedAt = serializers.DateTimeField(allow_null=True)
    completedAt = serializers.DateTimeField(allow_null=True)
    retryCount = serializers.IntegerField()
    version = serializers.IntegerField()

    def to_representation(self, instance: Task) -> dict[str, Any]:
        return presentation.task_summary(instance)


class CommentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    author = TaskPersonSerializer()
    text = serializers.CharField()
    createdAt = serializers.DateTimeField()


class AttachmentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    contentType = serializers.CharField()
    size = serializers.IntegerField()
    uploadedBy = TaskPersonSerializer()
    createdAt = serializers.DateTimeField()


class CommentListSerializer(serializers.Serializer[Any]):
    items = CommentSerializer(many=True)


class AttachmentListSerializer(serializers.Serializer[Any]):
    items = AttachmentSerializer(many=True)


class ExecutionMetadataSerializer(serializers.Serializer[Any]):
    startTime = serializers.DateTimeField(allow_null=True)
    endTime = serializers.DateTimeField(allow_null=True)
    duration = serializers.IntegerField(allow_null=True, help_text="milliseconds")
    executionEnvironment = serializers.CharField(allow_null=True)


class TaskSerializer(TaskSummarySerializer):
    """One task whole; `allowed` lists the verbs that the caller could use now."""

    input = serializers.JSONField(allow_null=True)
    output = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)
    form = serializers.JSONField(allow_null=True, help_text="JSON Schema of the answer, or {componentId}")
    actions = serializers.ListField(child=serializers.JSONField())
    draft = serializers.JSONField(allow_null=True)
    manual = serializers.JSONField()
    executorId = serializers.CharField(allow_null=True)
    executionMetadata = ExecutionMetadataSerializer()
    comments = CommentSerializer(many=True)
    attachments = AttachmentSerializer(many=True)
    allowed = serializers.ListField(child=serializers.CharField())

    def to_representation(self, instance: Task) -> dict[str, Any]:
        return presentation.task_detail(instance, self.context["actor"])


class BoxCountsSerializer(serializers.Serializer[Any]):
    my = serializers.IntegerField()
    group = serializers.IntegerField()
    overdue = serializers.IntegerField()
    done = serializers.IntegerField()


class RunTaskSerializer(StrictSerializer):
    taskId = serializers.CharField(max_length=255)
    version = serializers.CharField(max_length=64, required=False)
    input = serializers.JSONField(required=False, default=None, allow_null=True)
    priority = serializers.ChoiceField(choices=Priority.names, required=False)


class AssignSerializer(StrictSerializer):
    assignee = serializers.CharField(max_length=150, allow_null=True, help_text="username or id; null gives it back")


class DraftSerializer(StrictSerializer):
    draft = serializers.JSONField(allow_null=True, help_text="an object of field values; null throws the draft away")
    version = serializers.IntegerField(required=False, min_value=1, help_text="the same as If-Match")


class CompleteSerializer(StrictSerializer):
    action = serializers.CharField(max_length=255, required=False, allow_null=True, default=None)
    output = serializers.JSONField(required=False, allow_null=True, default=None)
    version = serializers.IntegerField(required=False, min_value=1, help_text="the same as If-Match")


class CancelTaskSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class NothingSerializer(StrictSerializer):
    """No fields."""


class CommentTextSerializer(StrictSerializer):
    text = serializers.CharField(max_length=10_000)


class UploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=False)


class BulkSerializer(StrictSerializer):
    ids = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=MAX_TASKS)
    operation = serializers.ChoiceField(choices=["claim", "release", "assign", "complete", "cancel", "reopen"])
    assignee = serializers.CharField(max_length=150, required=False, allow_null=True)
    action = serializers.CharField(max_length=255, required=False)
    output = serializers.JSONField(required=False)
    reason = serializers.CharField(max_length=2_000, required=False)


class BulkResultSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.IntegerField(help_text="what the single verb would have answered")
    detail = serializers.CharField(allow_blank=True)


class BulkAnswerSerializer(serializers.Serializer[Any]):
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = BulkResultSerializer(many=True)
