"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from apps.ui.views import (
    dead_letters,
    event_definitions,
    events,
    home,
    imports,
    instances,
    palette,
    queues,
    schedules,
    sequences,
    session,
    tasks,
    triggers,
    versions,
    webhooks,
    workflows,
)

app_name = "ui"
urlpatterns = [
    path("", home.home, name="home"),
    path("login", session.sign_in, name="login"),
    path("sign-in", session.sign_in),
    path("logout", session.sign_out, name="logout"),
    path("palette", palette.entries, name="palette"),
    path("workflows", workflows.overview, name="workflows"),
    path("import", imports.overview, name="import"),
    path("workflows/<str:workflow_id>", workflows.detail, name="workflow"),
    path("workflows/<str:workflow_id>/compare", versions.compare, name="compare"),
    path("workflows/<str:workflow_id>/dry-run", workflows.dry_run, name="workflow-dry-run"),
    path("instances", instances.overview, name="instances"),
    path("instances/<uuid:instance_id>", instances.detail, name="instance"),
    path("events", events.stream, name="events"),
    path("events/definitions", event_definitions.overview, name="event-definitions"),
    path("events/definitions/<str:key>", event_definitions.detail, name="event-definition"),
    path("events/queues", queues.overview, name="queues"),
    path("events/queues/<str:key>", queues.detail, name="queue"),
    path("events/dead-letters", dead_letters.overview, name="dead-letters"),
    path("events/dead-letters/<uuid:letter_id>", dead_letters.detail, name="dead-letter"),
    path("events/sequences", sequences.overview, name="sequences"),
    path("events/sequences/<str:key>", sequences.detail, name="sequence"),
    path("events/sequences/<str:key>/<uuid:run_id>", sequences.run, name="sequence-run"),
    path("events/triggers", triggers.overview, name="triggers"),
    path("events/triggers/test", triggers.test, name="trigger-test"),
    path("events/triggers/<str:key>", triggers.detail, name="trigger"),
    path("events/webhooks", webhooks.overview, name="webhooks"),
    path("events/webhooks/in/<str:key>", webhooks.incoming, name="webhook"),
    path("events/webhooks/out/<str:key>", webhooks.outgoing, name="webhook-subscription"),
    path("schedules", schedules.overview, name="schedules"),
    path("schedules/<str:key>", schedules.detail, name="schedule"),
    path("tasks", tasks.inbox, name="tasks"),
    path("tasks/<uuid:task_id>", tasks.detail, name="task"),
    # Last, for an event's id may be anything: what has a name of its own below /events comes before.
    path("events/<path:event_id>", events.story, name="event"),
]
