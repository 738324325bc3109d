"""Routes below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from . import definition_views as definitions
from . import discussion_views as discussion
from . import views

app_name = "tasks"
urlpatterns = [
    path("tasks/definitions", definitions.TaskDefinitionListView.as_view(), name="definitions"),
    path("tasks/definitions/validate", definitions.TaskDefinitionValidateView.as_view(), name="definition-validate"),
    path("tasks/definitions/<str:task_key>", definitions.TaskDefinitionView.as_view(), name="definition"),
    path(
        "tasks/definitions/<str:task_key>/publish",
        definitions.TaskDefinitionPublishView.as_view(),
        name="definition-publish",
    ),
    path(
        "tasks/definitions/<str:task_key>/versions",
        definitions.TaskVersionListView.as_view(),
        name="definition-versions",
    ),
    path(
        "tasks/definitions/<str:task_key>/versions/<str:version>",
        definitions.TaskVersionView.as_view(),
        name="definition-version",
    ),
    path("tasks", views.TaskListView.as_view(), name="tasks"),
    path("tasks/counts", views.TaskCountsView.as_view(), name="counts"),
    path("tasks/bulk", views.BulkView.as_view(), name="bulk"),
    path("tasks/<uuid:task_id>", views.TaskView.as_view(), name="task"),
    path("tasks/<uuid:task_id>/claim", views.ClaimView.as_view(), name="claim"),
    path("tasks/<uuid:task_id>/release", views.ReleaseView.as_view(), name="release"),
    path("tasks/<uuid:task_id>/assign", views.AssignView.as_view(), name="assign"),
    path("tasks/<uuid:task_id>/draft", views.DraftView.as_view(), name="draft"),
    path("tasks/<uuid:task_id>/complete", views.CompleteView.as_view(), name="complete"),
    path("tasks/<uuid:task_id>/cancel", views.CancelView.as_view(), name="cancel"),
    path("tasks/<uuid:task_id>/reopen", views.ReopenView.as_view(), name="reopen"),
    path("tasks/<uuid:task_id>/comments", discussion.CommentsView.as_view(), name="comments"),
    path("tasks/<uuid:task_id>/attachments", discussion.AttachmentsView.as_view(), name="attachments"),
    path(
        "tasks/<uuid:task_id>/attachments/<uuid:attachment_id>",
        discussion.AttachmentView.as_view(),
        name="attachment",
    ),
]
