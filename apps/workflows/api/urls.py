"""Routes below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from apps.validation.api.kind_views import definition_routes

from . import bulk, calendars, definitions, instances, schedules, steering, subscriptions, triggers, versions

app_name = "workflows"
_DEFINITION = "workflows/definitions/<str:key>"
_SCHEDULE = "workflows/schedules/<str:key>"
_TRIGGER = "workflows/triggers/<str:key>"
_INSTANCE = "workflows/instances/<uuid:instance_id>"
urlpatterns = [
    path("workflows/definitions/dry-run", definitions.WorkflowDryRun.as_view(), name="definition-dry-run"),
    *definition_routes(definitions.WorkflowViews),
    path(f"{_DEFINITION}/verdict", versions.WorkflowVerdict.as_view(), name="definition-verdict"),
    path(f"{_DEFINITION}/migrate", versions.WorkflowMigrate.as_view(), name="definition-migrate"),
    path(f"{_DEFINITION}/traffic", versions.WorkflowTraffic.as_view(), name="definition-traffic"),
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
    path("workflows/subscriptions", subscriptions.SubscriptionList.as_view(), name="subscriptions"),
    path("workflows/schedules", schedules.ScheduleList.as_view(), name="schedules"),
    path("workflows/schedules/preview", schedules.SchedulePreviewOfDocument.as_view(), name="schedule-preview-of"),
    path(_SCHEDULE, schedules.OneSchedule.as_view(), name="schedule"),
    path(f"{_SCHEDULE}/preview", schedules.SchedulePreview.as_view(), name="schedule-preview"),
    path(f"{_SCHEDULE}/pause", schedules.SchedulePause.as_view(), name="schedule-pause"),
    path(f"{_SCHEDULE}/resume", schedules.ScheduleResume.as_view(), name="schedule-resume"),
    path(f"{_SCHEDULE}/fire", schedules.ScheduleFireNow.as_view(), name="schedule-fire"),
    path(f"{_SCHEDULE}/fires", schedules.ScheduleFires.as_view(), name="schedule-fires"),
    path("workflows/triggers", triggers.TriggerList.as_view(), name="triggers"),
    path("workflows/triggers/test", triggers.TriggerTest.as_view(), name="trigger-test"),
    path(_TRIGGER, triggers.OneTrigger.as_view(), name="trigger"),
    path(f"{_TRIGGER}/pause", triggers.TriggerPause.as_view(), name="trigger-pause"),
    path(f"{_TRIGGER}/resume", triggers.TriggerResume.as_view(), name="trigger-resume"),
    path(f"{_TRIGGER}/deliveries", triggers.TriggerDeliveries.as_view(), name="trigger-deliveries"),
    *definition_routes(calendars.CalendarViews),
]
