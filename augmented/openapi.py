"""What the OpenAPI document calls sets of values that several fields share, or that share a field's name."""

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
