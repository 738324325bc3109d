"""The shapes of answers about task definitions; their documents are described by schemas/task.json."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.tasks import presentation
from apps.tasks.models import TaskDefinition
from apps.validation.api.definitions import DefinitionSerializer


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


class TaskDefinitionSerializer(DefinitionSerializer):
    """One version of a task definition."""

    taskId = serializers.CharField()
