"""Routes below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from . import bulk, definitions, instances, steering

app_name = "workflows"
_DEFINITION = "workflows/definitions/<str:key>"
_INSTANCE = "workflows/instances/<uuid:instance_id>"
urlpatterns = [
    path("workflows/definitions", definitions.WorkflowList.as_view(), name="definitions"),
    path("workflows/definitions/validate", definitions.WorkflowValidate.as_view(), name="definition-validate"),
    path("workflows/definitions/dry-run", definitions.WorkflowDryRun.as_view(), name="definition-dry-run"),
    path(_DEFINITION, definitions.Workflow.as_view(), name="definition"),
    path(f"{_DEFINITION}/publish", definitions.WorkflowPublish.as_view(), name="definition-publish"),
    path(f"{_DEFINITION}/versions", definitions.WorkflowVersions.as_view(), name="definition-versions"),
    path(f"{_DEFINITION}/versions/<str:version>", definitions.WorkflowVersion.as_view(), name="definition-version"),
    path(f"{_DEFINITION}/diff", definitions.WorkflowDiff.as_view(), name="definition-diff"),
    path(f"{_DEFINITION}/impact", definitions.WorkflowImpact.as_view(), name="definition-impact"),
    path("workflows/instances", instances.InstanceList.as_view(), name="instances"),
    path("workflows/instances/batch", instances.InstanceBatch.as_view(), name="instance-batch"),
    path("workflows/instances/bulk", bulk.BulkList.as_view(), name="bulk-operations"),
    path("workflows/instances/bulk/preview", bulk.BulkPreview.as_view(), name="bulk-preview"),
    path("workflows/instances/bulk/<uuid:bulk_id>", bulk.Bulk.as_view(), name="bulk-operation"),
    path("workflows/instances/bulk/<uuid:bulk_id>/cancel", bulk.BulkCancel.as_view(), name="bulk-cancel"),
    path(_INSTANCE, instances.Instance.as_view(), name="instance"),
    path(f"{_INSTANCE}/history", instances.InstanceHistory.as_view(), name="instance-history"),
    path(f"{_INSTANCE}/explain", instances.InstanceExplain.as_view(), name="instance-explain"),
    path(f"{_INSTANCE}/cancel", instances.InstanceCancel.as_view(), name="instance-cancel"),
    path(f"{_INSTANCE}/suspend", instances.InstanceSuspend.as_view(), name="instance-suspend"),
    path(f"{_INSTANCE}/resume", instances.InstanceResume.as_view(), name="instance-resume"),
    path(f"{_INSTANCE}/signal", instances.InstanceSignal.as_view(), name="instance-signal"),
    path(f"{_INSTANCE}/migrate", instances.InstanceMigrate.as_view(), name="instance-migrate"),
    path(f"{_INSTANCE}/retry", steering.InstanceRetry.as_view(), name="instance-retry"),
    path(f"{_INSTANCE}/skip", steering.InstanceSkip.as_view(), name="instance-skip"),
    path(f"{_INSTANCE}/move", steering.InstanceMove.as_view(), name="instance-move"),
    path(f"{_INSTANCE}/preview", steering.InstancePreview.as_view(), name="instance-preview"),
]
