"""Routes below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from apps.validation.api.kind_views import definition_routes

from . import definition_views as definitions
from . import discussion_views as discussion
from . import views

app_name = "tasks"
_TASK = "tasks/<uuid:task_id>"
urlpatterns = [
    *definition_routes(definitions.TaskDefinitionViews),
    path("tasks", views.TaskListView.as_view(), name="tasks"),
    path("tasks/counts", views.TaskCountsView.as_view(), name="counts"),
    path("tasks/bulk", views.BulkView.as_view(), name="bulk"),
    path(_TASK, views.TaskView.as_view(), name="task"),
    path(f"{_TASK}/claim", views.ClaimView.as_view(), name="claim"),
    path(f"{_TASK}/release", views.ReleaseView.as_view(), name="release"),
    path(f"{_TASK}/assign", views.AssignView.as_view(), name="assign"),
    path(f"{_TASK}/draft", views.DraftView.as_view(), name="draft"),
    path(f"{_TASK}/complete", views.CompleteView.as_view(), name="complete"),
    path(f"{_TASK}/cancel", views.CancelView.as_view(), name="cancel"),
    path(f"{_TASK}/reopen", views.ReopenView.as_view(), name="reopen"),
    path(f"{_TASK}/comments", discussion.CommentsView.as_view(), name="comments"),
    path(f"{_TASK}/attachments", discussion.AttachmentsView.as_view(), name="attachments"),
    path(
        f"{_TASK}/attachments/<uuid:attachment_id>",
        discussion.AttachmentView.as_view(),
        name="attachment",
    ),
]
