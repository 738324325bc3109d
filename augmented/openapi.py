"""The OpenAPI document: what it says of itself, and what it calls sets of values that several fields share."""

ENUM_NAMES = {
    "UserKind": "apps.auth.models.User.Kind",
    "TaskStatus": "apps.tasks.models.Task.Status",
    "TaskType": "apps.tasks.models.Task.Type",
    "BulkStatus": "apps.workflows.models.BulkOperation.Status",
    "SteeringOperation": "apps.workflows.services.verbs.OPERATIONS",
    "EventSourceType": "apps.events.api.serializers.SOURCE_TYPES",
    "SequenceRunStatus": "apps.events.api.sequences.STATUSES",
    "SequenceMemberStatus": "apps.events.api.sequences.MEMBER_STATUSES",
    "DefinitionStatus": "apps.validation.definitions.models.Definition.Status",
    "ScheduleState": "apps.workflows.selectors.schedules.STATES",
    "TriggerState": "apps.workflows.selectors.triggers.STATES",
    "WebhookSubscriptionState": "apps.integrations.selectors.subscriptions.STATES",
    "DeliveryStatus": "apps.events.models.Delivery.Status",
}

SETTINGS = {
    "TITLE": "Augmented OS",
    "DESCRIPTION": "Workflows, tasks, events and data, all described by JSON documents.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
