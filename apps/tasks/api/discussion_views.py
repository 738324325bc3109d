"""Comments and files of a task over HTTP."""

from __future__ import annotations

from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.tasks import presentation, selectors, services
from apps.validation.api.idempotency import idempotent
from apps.validation.problems import NotFound

from . import serializers as forms
from .views import actor_of

_TAGS = ["tasks"]


class CommentsView(APIView):
    @extend_schema(operation_id="tasks_comments_list", tags=_TAGS, responses=forms.CommentListSerializer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """What was said about a task, oldest first."""
        task = selectors.find_task(actor_of(request), task_id)
        return Response({"items": [presentation.comment_json(comment) for comment in task.comments.all()]})

    @extend_schema(
        operation_id="tasks_comments_create",
        tags=_TAGS,
        request=forms.CommentTextSerializer,
        responses={201: forms.CommentSerializer},
    )
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Say something about a task."""
        form = forms.CommentTextSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        comment = services.comment(actor=actor_of(request), task_id=task_id, text=form.validated_data["text"])
        return Response(presentation.comment_json(comment), status=201)


class AttachmentsView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="tasks_attachments_list", tags=_TAGS, responses=forms.AttachmentListSerializer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """The files of a task."""
        task = selectors.find_task(actor_of(request), task_id)
        return Response({"items": [presentation.attachment_json(each) for each in task.attachments.all()]})

    @extend_schema(
        operation_id="tasks_attachments_create",
        tags=_TAGS,
        request={"multipart/form-data": forms.UploadSerializer},
        responses={
            201: forms.AttachmentSerializer,
            413: OpenApiResponse(description="Over the cap."),
            415: OpenApiResponse(description="A type that is not taken, or content that belies it."),
        },
    )
    @idempotent
    def post(self, request: Request, task_id: UUID) -> Response:
        """Add a file to an open task."""
        form = forms.UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        attachment = services.attach(
            actor=actor_of(request),
            task_id=task_id,
            file=file,
            name=file.name,
            content_type=file.content_type or "",
        )
        return Response(presentation.attachment_json(attachment), status=201)


class AttachmentView(APIView):
    @extend_schema(
        operation_id="tasks_attachments_retrieve",
        tags=_TAGS,
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, task_id: UUID, attachment_id: UUID) -> FileResponse:
        """Download a file. It is always sent as a download, never shown as a page of this site."""
        task = selectors.find_task(actor_of(request), task_id)
        attachment = next((each for each in task.attachments.all() if each.pk == attachment_id), None)
        if attachment is None:
            raise NotFound(f"The task has no file {attachment_id}.")
        return FileResponse(
            attachment.file.open("rb"),
            as_attachment=True,
            filename=attachment.name,
            content_type=attachment.content_type,
            headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"},
        )

    @extend_schema(operation_id="tasks_attachments_destroy", tags=_TAGS, responses={204: None})
    def delete(self, request: Request, task_id: UUID, attachment_id: UUID) -> Response:
        """Remove a file from an open task."""
        services.remove_attachment(actor=actor_of(request), task_id=task_id, attachment_id=attachment_id)
        return Response(status=204)
