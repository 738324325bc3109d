"""The audit trail."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from apps.auth.models.people import User


class AuditEntry(models.Model):
    """Who did what to which thing. Append-only: a trigger of the database refuses to change or remove a row.

    The actor's name is copied and the reference carries no constraint, so that entries outlive accounts.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=150, blank=True, help_text="Empty: the platform itself.")
    action = models.CharField(max_length=100, help_text="Such as `user.created`.")
    resource = models.CharField(max_length=100, help_text="Kind of thing, such as `user`.")
    resource_id = models.CharField(max_length=255, blank=True)
    details = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    request_meta = models.JSONField(
        default=dict, blank=True, encoder=DjangoJSONEncoder, help_text="Address, user agent, trace id."
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["resource", "resource_id", "-id"], name="audit_resource"),
            models.Index(fields=["actor", "-id"], name="audit_actor"),
            models.Index(fields=["action", "-id"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or 'system'} {self.action} {self.resource} {self.resource_id}"
