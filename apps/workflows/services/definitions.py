"""Saving, checking, publishing and archiving workflow definitions."""

from __future__ import annotations

from typing import Any

from apps.auth.access import require
from apps.auth.models import User
from apps.validation.definitions import services as definitions
from apps.validation.violations import Violation
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import WorkflowDefinition


def save(*, actor: User, document: dict[str, Any], if_match: int | None = None) -> tuple[WorkflowDefinition, bool]:
    """Save a draft; see :func:`apps.validation.definitions.services.save_draft`."""
    return definitions.save_draft(WORKFLOW, actor=actor, document=document, if_match=if_match)


def publish(*, actor: User, workflow_id: str, version: str | None = None) -> WorkflowDefinition:
    """Publish a draft; see :func:`apps.validation.definitions.services.publish`."""
    return definitions.publish(WORKFLOW, actor=actor, key=workflow_id, version=version)


def archive(*, actor: User, workflow_id: str) -> int:
    """Take a workflow out of use; runs go on. See :func:`apps.validation.definitions.services.archive`."""
    return definitions.archive(WORKFLOW, actor=actor, key=workflow_id)


def validate(*, actor: User, document: Any) -> list[Violation]:
    """Every problem of a document, which is not saved."""
    require(actor, "use:validation")
    return definitions.check(WORKFLOW, document)
