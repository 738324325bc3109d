"""The shapes of answers about task definitions; their documents are described by schemas/task.json."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.tasks import presentation
from apps.tasks.models import TaskDefinition

from .serializers import StrictSerializer, TaskPersonSerializer


class TaskDefinitionSummarySerializer(serializers.Serializer[TaskDefinition]):
    """A definition in a list: its newest version, and the one that new work uses."""

    taskId = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    type = serializers.CharField(allow_null=True)
    kind = serializers.CharField(allow_null=True)
    latestVersion = serializers.CharField()
    publishedVersion = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=TaskDefinition.Status.choices)
    tags = serializers.ListField(child=serializers.CharField())
    updatedAt = serializers.DateTimeField()

    def to_representation(self, instance: TaskDefinition) -> dict[str, Any]:
        return presentation.definition_summary(instance)


class TaskVersionSerializer(serializers.Serializer[TaskDefinition]):
    version = serializers.CharField()
    status = serializers.ChoiceField(choices=TaskDefinition.Status.choices)
    publishedAt = serializers.DateTimeField(allow_null=True)
    publishedBy = TaskPersonSerializer(allow_null=True)
    updatedAt = serializers.DateTimeField()
    checksum = serializers.CharField()

    def to_representation(self, instance: TaskDefinition) -> dict[str, Any]:
        return presentation.version_summary(instance)


class TaskVersionListSerializer(serializers.Serializer[Any]):
    items = TaskVersionSerializer(many=True)


class TaskDefinitionSerializer(serializers.Serializer[Any]):
    """The document as saved, and what is known about it."""

    taskId = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()
    status = serializers.ChoiceField(choices=TaskDefinition.Status.choices)
    revision = serializers.IntegerField(help_text="the ETag")
    violations = serializers.ListField(child=serializers.JSONField())
    updatedAt = serializers.DateTimeField()
    versions = TaskVersionSerializer(many=True)


class VerdictSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    violations = serializers.ListField(child=serializers.JSONField())


class PublishSerializer(StrictSerializer):
    version = serializers.CharField(max_length=64, required=False, help_text="default: the newest draft")
