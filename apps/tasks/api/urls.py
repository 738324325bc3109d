"""Routes below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from . import definition_views as definitions
from . import discussion_views as discussion
from . import views

app_name = "tasks"
_DEFINITION = "tasks/definitions/<str:key>"
_TASK = "tasks/<uuid:task_id>"
urlpatterns = [
    path("tasks/definitions", definitions.TaskDefinitionList.as_view(), name="definitions"),
    path("tasks/definitions/validate", definitions.TaskDefinitionValidate.as_view(), name="definition-validate"),
    path(_DEFINITION, definitions.OneTaskDefinition.as_view(), name="definition"),
    path(f"{_DEFINITION}/publish", definitions.TaskDefinitionPublish.as_view(), name="definition-publish"),
    path(f"{_DEFINITION}/versions", definitions.TaskDefinitionVersions.as_view(), name="definition-versions"),
    path(
        f"{_DEFINITION}/versions/<str:version>", definitions.TaskDefinitionVersion.as_view(), name="definition-version"
    ),
    path(f"{_DEFINITION}/diff", definitions.TaskDefinitionDiff.as_view(), name="definition-diff"),
    path(f"{_DEFINITION}/impact", definitions.TaskDefinitionImpact.as_view(), name="definition-impact"),
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
