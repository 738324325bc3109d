"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from apps.ui.views import (
    events,
    home,
    imports,
    instances,
    palette,
    schedules,
    session,
    tasks,
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
    path("events/webhooks", webhooks.overview, name="webhooks"),
    path("events/webhooks/in/<str:key>", webhooks.incoming, name="webhook"),
    path("events/webhooks/out/<str:key>", webhooks.outgoing, name="webhook-subscription"),
    path("schedules", schedules.overview, name="schedules"),
    path("schedules/<str:key>", schedules.detail, name="schedule"),
    path("tasks", tasks.inbox, name="tasks"),
    path("tasks/<uuid:task_id>", tasks.detail, name="task"),
]
