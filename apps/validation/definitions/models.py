"""The shape of a definition's table: one row is one version of one definition, whatever its kind."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from apps.auth.identifiers import uuid7

SEMVER = re.compile(r"^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,40}))?(?:\+[0-9A-Za-z.-]{1,40})?$")


def version_key(version: str) -> str:
    """Text that sorts (bytewise) as semver orders versions; a pre-release comes before its release."""
    match = SEMVER.match(version)
    if match is None:
        raise ValueError(f"{version!r} is not a semantic version like 1.0.0")
    major, minor, patch, prerelease = match.groups()
    tail = "~"
    if prerelease:
        # A number goes behind a letter for its length, so that 10 follows 9 and 40 digits need no padding.
        parts = (
            f"0{chr(64 + len(digits))}{digits}"
            if (digits := part.lstrip("0") or "0") and part.isdigit()
            else f"1{part}"
            for part in prerelease.split(".")
        )
        tail = "-" + ".".join(parts)
    return f"{int(major):09d}.{int(minor):09d}.{int(patch):09d}{tail}"


M = TypeVar("M", bound=models.Model)


class DefinitionQuerySet(models.QuerySet[M]):
    """Versions of definitions of one kind."""

    def published(self) -> Self:
        return self.filter(status=Definition.Status.PUBLISHED)

    def live(self) -> Self:
        return self.exclude(status=Definition.Status.ARCHIVED)

    def newest_first(self) -> Self:
        return self.order_by("key", "-version_key")


class Definition(models.Model):
    """One version of one definition; a published row never changes again."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        ARCHIVED = "archived"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=255, help_text="business id: workflowId, taskId, …")
    version = models.CharField(max_length=64)
    version_key = models.CharField(max_length=128, db_collation="C", editable=False)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    document = models.JSONField()
    violations = models.JSONField(default=list)
    checksum = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(default=1, help_text="grows with every save; the ETag")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    published_at = models.DateTimeField(null=True)

    objects: ClassVar[Any] = DefinitionQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(fields=["key", "version"], name="%(app_label)s_%(class)s_key_version"),
            models.CheckConstraint(
                condition=~models.Q(status="published") | models.Q(published_at__isnull=False),
                name="%(app_label)s_%(class)s_published_at",
            ),
        )
        indexes = (models.Index(fields=["key", "-version_key"], name="%(app_label)s_definition_newest"),)

    def __str__(self) -> str:
        return f"{self.key} {self.version}"
