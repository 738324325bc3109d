"""Tasks over HTTP: lists, one task, and the verbs of people. Each verb is one service call."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.models import User
from apps.tasks import filters, presentation, selectors, services
from apps.tasks.models import Priority, Task
from apps.validation.api.etags import etag, if_match
from apps.validation.api.idempotency import idempotent
from apps.validation.api.pagination import KeysetPagination
from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation

from . import serializers as forms

_TAGS = ["tasks"]
_VERB_ANSWERS = {
    200: forms.TaskSerializer,
    403: OpenApiResponse(description="The caller may see the task but not do this."),
    404: OpenApiResponse(description="No such task for this caller."),
    409: OpenApiResponse(description="The task's state no longer allows it, or somebody else has taken it."),
}


def actor_of(request: Request) -> User:
    """Who asks; views here are never open to the anonymous."""
    return cast(User, request.user)


def task_answer(task: Task, actor: User, status: int = 200) -> Response:
    """The task after a verb, with its ETag; shown also where the verb ended the actor's right to see it."""
    current = selectors.whole_task(task.pk) or task
    return Response(presentation.task_detail(current, actor), status=status, headers={"ETag": etag(current.version)})


def _wanted_version(request: Request, given: dict[str, Any]) -> int | None:
    """If-Match, or the same as a field of the body."""
    wanted = if_match(request)
    return given.get("version") if wanted is None else wanted


class TaskListView(generics.ListAPIView[Task]):
    serializer_class = forms.TaskSummarySerializer
    pagination_class = KeysetPagination
    ordering = ("-created_at", "-id")
    ordering_fields = ("created_at", "due_at", "priority", "title", "completed_at")

    def get_queryset(self) -> QuerySet[Task]:
        return filters.filtered_tasks(actor_of(self.request), self.request.query_params)

    @extend_schema(
        operation_id="tasks_list",
        tags=_TAGS,
        parameters=[
            OpenApiParameter("box", str, enum=selectors.BOXES, description="One box of the caller's inbox."),
            OpenApiParameter("status", str, many=True, enum=Task.Status.values),
            OpenApiParameter("type", str, many=True, enum=Task.Type.values),
            OpenApiParameter("priority", str, many=True, enum=Priority.names),
            OpenApiParameter("assignee", str, description="A username, `me`, or `none`."),
            OpenApiParameter("taskDefinitionId", str),
            OpenApiParameter("workflowInstanceId", OpenApiTypes.UUID),
            OpenApiParameter("overdue", bool),
            OpenApiParameter("search", str, description="Part of the title or the description."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The tasks that the caller may see, newest first."""
        return self.list(request, *args, **kwargs)

    @extend_schema(
        operation_id="tasks_run",
        tags=_TAGS,
        request=forms.RunTaskSerializer,
        responses={
            201: OpenApiResponse(forms.TaskSerializer, description="Done, or open for a person."),
            202: OpenApiResponse(forms.TaskSerializer, description="Queued for a worker."),
            404: OpenApiResponse(description="No such task definition."),
            422: OpenApiResponse(description="The input does not fit its inputSchema."),
        },
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Run a task by itself, without a workflow."""
        form = forms.RunTaskSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor, given = actor_of(request), form.validated_data
        task = services.run_task(
            actor=actor,
            key=given["taskId"],
            version=given.get("version"),
            input=given["input"],
            priority=given.get("priority"),
        )
        queued = task.type != Task.Type.MANUAL and task.status in Task.OPEN
        return task_answer(task, actor, 202 if queued else 201)


class TaskCountsView(APIView):
    @extend_schema(operation_id="tasks_counts", tags=_TAGS, responses=forms.BoxCountsSerializer)
    def get(self, request: Request) -> Response:
        """How many tasks are in each box of the caller's inbox."""
        return Response(selectors.box_counts(actor_of(request)))


class TaskView(APIView):
    @extend_schema(operation_id="tasks_retrieve", tags=_TAGS, responses={200: forms.TaskSerializer})
    def get(self, request: Request, task_id: UUID) -> Response:
        """One task: its form, data, comments, files, and what the caller may do."""
        actor = actor_of(request)
        found = selectors.find_task(actor, task_id)
        return Response(presentation.task_detail(found, actor), headers={"ETag": etag(found.version)})


class ClaimView(APIView):
    @extend_schema(operation_id="tasks_claim", tags=_TAGS, request=forms.NothingSerializer, responses=_VERB_ANSWERS)
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Take a free task."""
        actor = actor_of(request)
        return task_answer(services.claim(actor=actor, task_id=task_id, if_match=if_match(request)), actor)


class ReleaseView(APIView):
    @extend_schema(operation_id="tasks_release", tags=_TAGS, request=forms.NothingSerializer, responses=_VERB_ANSWERS)
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Give a task back to its candidates; the draft stays."""
        actor = actor_of(request)
        return task_answer(services.release(actor=actor, task_id=task_id, if_match=if_match(request)), actor)


class AssignView(APIView):
    @extend_schema(operation_id="tasks_assign", tags=_TAGS, request=forms.AssignSerializer, responses=_VERB_ANSWERS)
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Give a task to somebody, whoever has it now."""
        form = forms.AssignSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor = actor_of(request)
        task = services.assign(
            actor=actor,
            task_id=task_id,
            assignee=form.validated_data["assignee"],
            if_match=if_match(request),
        )
        return task_answer(task, actor)


class DraftView(APIView):
    @extend_schema(operation_id="tasks_draft", tags=_TAGS, request=forms.DraftSerializer, responses=_VERB_ANSWERS)
    def put(self, request: Request, task_id: UUID) -> Response:
        """Keep an unfinished answer. 412 when somebody else wrote since the version that If-Match names."""
        form = forms.DraftSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        task = services.save_draft(
            actor=actor_of(request),
            task_id=task_id,
            draft=given["draft"],
            if_match=_wanted_version(request, given),
        )
        answer = {"id": str(task.pk), "draft": task.draft, "version": task.version}
        return Response(answer, headers={"ETag": etag(task.version)})

    @extend_schema(operation_id="tasks_draft_post", tags=_TAGS, request=forms.DraftSerializer, responses=_VERB_ANSWERS)
    def post(self, request: Request, task_id: UUID) -> Response:
        """The same as PUT."""
        return self.put(request, task_id)


class CompleteView(APIView):
    @extend_schema(
        operation_id="tasks_complete",
        tags=_TAGS,
        request=forms.CompleteSerializer,
        responses=_VERB_ANSWERS | {422: OpenApiResponse(description="The answer does not fit the form.")},
    )
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Answer a task; its workflow goes on in the same transaction."""
        form = forms.CompleteSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor, given = actor_of(request), form.validated_data
        task = services.complete(
            actor=actor,
            task_id=task_id,
            action=given["action"],
            output=given["output"],
            if_match=_wanted_version(request, given),
        )
        return task_answer(task, actor)


class CancelView(APIView):
    @extend_schema(operation_id="tasks_cancel", tags=_TAGS, request=forms.CancelTaskSerializer, responses=_VERB_ANSWERS)
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Stop an open task."""
        form = forms.CancelTaskSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor = actor_of(request)
        task = services.cancel(actor=actor, task_id=task_id, if_match=if_match(request), **form.validated_data)
        return task_answer(task, actor)


class ReopenView(APIView):
    @extend_schema(operation_id="tasks_reopen", tags=_TAGS, request=forms.NothingSerializer, responses=_VERB_ANSWERS)
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Open a closed task again; its answer becomes the draft."""
        actor = actor_of(request)
        return task_answer(services.reopen(actor=actor, task_id=task_id, if_match=if_match(request)), actor)


class BulkView(APIView):
    @extend_schema(
        operation_id="tasks_bulk",
        tags=_TAGS,
        request=forms.BulkSerializer,
        responses={200: forms.BulkAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """One verb on up to 500 tasks, each by itself; the answer says what became of each."""
        form = forms.BulkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = dict(form.validated_data)
        operation, ids = given.pop("operation"), given.pop("ids")
        results = services.bulk(
            actor=actor_of(request), ids=ids, operation=operation, **_bulk_arguments(operation, given)
        )
        succeeded = sum(result.status == 200 for result in results)
        return Response(
            {
                "succeeded": succeeded,
                "failed": len(results) - succeeded,
                "results": [
                    {"id": str(result.id), "status": result.status, "detail": result.detail} for result in results
                ],
            }
        )


_BULK_FIELDS: dict[str, frozenset[str]] = {
    "assign": frozenset({"assignee"}),
    "complete": frozenset({"action", "output"}),
    "cancel": frozenset({"reason"}),
}


def _bulk_arguments(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """The fields that go with the operation. Unprocessable for those that do not, and for an absent assignee."""
    wanted = _BULK_FIELDS.get(operation, frozenset())
    if surplus := sorted(given.keys() - wanted):
        raise Unprocessable(
            violations=[
                Violation("unknown-field", f"{operation} does not take {name}.", f"/{name}") for name in surplus
            ]
        )
    if operation == "assign" and "assignee" not in given:
        raise Unprocessable(violations=[Violation("required", "Say to whom.", "/assignee")])
    return given
