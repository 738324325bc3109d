"""The HTTP verbs that definitions of every kind share. A kind's app subclasses these views and says who may read.

``DefinitionViews`` is mixed into each: the kind, how its rows are shown, and the right to read them.
"""

from __future__ import annotations

from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.access import allowed
from apps.auth.models import User
from apps.validation.definitions import services
from apps.validation.definitions.diff import patch_between
from apps.validation.definitions.impact import impact
from apps.validation.definitions.models import Definition
from apps.validation.definitions.services import DefinitionKind
from apps.validation.definitions.versions import version_rows
from apps.validation.problems import BadInput, Unprocessable
from apps.validation.schemas import check_document
from apps.validation.violations import Violation, has_errors

from .etags import etag, if_match
from .idempotency import idempotent
from .serializers import ViolationSerializer


class VersionSerializer(serializers.Serializer[Any]):
    """One version in a list."""

    version = serializers.CharField()
    status = serializers.ChoiceField(choices=Definition.Status.choices)
    updatedAt = serializers.DateTimeField()
    publishedAt = serializers.DateTimeField(allow_null=True)
    publishedBy = serializers.CharField(allow_null=True, help_text="username")
    violations = serializers.IntegerField(help_text="how many problems it was saved with")


class DefinitionSerializer(serializers.Serializer[Any]):
    """A definition as saved, and what is known about it."""

    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    version = serializers.CharField()
    status = serializers.ChoiceField(choices=Definition.Status.choices)
    revision = serializers.IntegerField(help_text="the ETag")
    updatedAt = serializers.DateTimeField()
    document = serializers.JSONField(help_text="the definition itself; its schema is at validation/schemas")
    violations = ViolationSerializer(many=True)
    versions = VersionSerializer(many=True)


class VerdictSerializer(serializers.Serializer[Any]):
    valid = serializers.BooleanField()
    violations = ViolationSerializer(many=True)


class PublishSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=64, required=False, help_text="default: the newest draft")


class ChangeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["added", "removed", "changed", "renamed", "moved"])
    path = serializers.CharField(help_text="members of lists by their id: steps.pay.input.amount")
    message = serializers.CharField()
    before = serializers.JSONField(required=False)
    after = serializers.JSONField(required=False)
    stepId = serializers.CharField(required=False, help_text="of a workflow: the step it is about")


class DiffSerializer(serializers.Serializer[Any]):
    to = serializers.CharField()
    patch = serializers.ListField(child=serializers.JSONField(), help_text="JSON Patch (RFC 6902)")
    changes = ChangeSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's.
        return {"from": serializers.CharField()} | super().get_fields()


class DependentSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    version = serializers.CharField()
    status = serializers.CharField()
    pointer = serializers.CharField(help_text="where in that definition it is named")
    running = serializers.IntegerField(help_text="runs under way on that version")
    pinned = serializers.CharField(allow_null=True, help_text="the version of this one that it stays with")


class UseSerializer(serializers.Serializer[Any]):
    """An expression of another definition that takes something from this one."""

    kind = serializers.CharField()
    id = serializers.CharField()
    version = serializers.CharField()
    pointer = serializers.CharField()
    column = serializers.IntegerField()
    path = serializers.CharField(help_text="what it reads: steps.pay.output.amount")
    expression = serializers.CharField()


class BreakSerializer(serializers.Serializer[Any]):
    """A definition with findings that it would have with the proposed document, and does not have now."""

    kind = serializers.CharField()
    id = serializers.CharField()
    version = serializers.CharField()
    status = serializers.CharField()
    running = serializers.IntegerField(help_text="runs under way on that version")
    pinned = serializers.CharField(allow_null=True, help_text="the version it stays with until it is published again")
    violations = ViolationSerializer(many=True)


class ImpactSerializer(serializers.Serializer[Any]):
    definitions = DependentSerializer(many=True)
    running = serializers.DictField(child=serializers.IntegerField(), help_text="version → runs under way")
    reads = UseSerializer(many=True)
    proposed = serializers.CharField(allow_null=True, help_text="the version that is looked at, if one was given")
    breaks = BreakSerializer(many=True, help_text="what the proposed version breaks")
    runs = serializers.IntegerField(help_text="runs under way on it and on what names it, in all versions")
    unchecked = serializers.IntegerField(help_text="definitions beyond those that were looked into")
    sentences = serializers.ListField(child=serializers.CharField(), help_text="the same for people, the worst first")


class DefinitionViews:
    """What a kind's views have in common."""

    kind: DefinitionKind[Any]

    def require_read(self, actor: User) -> None:
        """Raise AccessDenied unless the actor may read definitions of this kind."""
        raise NotImplementedError

    def more(self, row: Any) -> dict[str, Any]:
        """What the kind adds to an answer."""
        return {}

    def version_rows(self, key: str) -> list[dict[str, Any]]:
        """Every version for a list, the newest first. A kind may say more of each than all do."""
        return version_rows(self.kind, key)

    def answer(self, row: Any, status: int = 200) -> Response:
        """One version's document with all versions, and its ETag."""
        body = {
            self.kind.id_field: row.key,
            "name": row.name,
            "description": row.description,
            "version": row.version,
            "status": row.status,
            "revision": row.revision,
            "updatedAt": row.updated_at,
            "document": row.document,
            "violations": row.violations,
            "versions": self.version_rows(row.key),
        }
        return Response(body | self.more(row), status=status, headers={"ETag": etag(row.revision)})

    def save(self, request: Request, document: dict[str, Any]) -> Response:
        row, created = services.save_draft(
            self.kind, actor=actor_of(request), document=document, if_match=if_match(request)
        )
        return self.answer(row, 201 if created else 200)


class ValidateDefinition(DefinitionViews, APIView):
    def post(self, request: Request) -> Response:
        """Check a document and save nothing. Always 200, with every problem at once."""
        self.require_read(actor_of(request))
        violations = services.check(self.kind, document_of(request))
        return Response({"valid": not has_errors(violations), "violations": [each.as_json() for each in violations]})


class OneDefinition(DefinitionViews, APIView):
    def get(self, request: Request, key: str) -> Response:
        """The newest version's document, with all versions and what is wrong with it."""
        self.require_read(actor_of(request))
        return self.answer(services.find(self.kind, key=key))

    @idempotent
    def put(self, request: Request, key: str) -> Response:
        """Save a draft of this definition. If-Match guards against overwriting somebody else's change."""
        document = document_of(request)
        if document.setdefault(self.kind.id_field, key) != key:
            message = f"The address says {key}."
            raise Unprocessable(violations=[Violation("id-mismatch", message, f"/{self.kind.id_field}")])
        return self.save(request, document)

    def delete(self, request: Request, key: str) -> Response:
        """Take the definition out of use; what runs on it goes on."""
        services.archive(self.kind, actor=actor_of(request), key=key)
        return Response(status=204)


class PublishDefinition(DefinitionViews, APIView):
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Make a draft immutable and usable. 422 when it has errors."""
        form = PublishSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = form.validated_data.get("version")
        return self.answer(services.publish(self.kind, actor=actor_of(request), key=key, version=version))


class DefinitionVersions(DefinitionViews, APIView):
    def get(self, request: Request, key: str) -> Response:
        """All versions, newest first."""
        self.require_read(actor_of(request))
        services.find(self.kind, key=key)
        return Response({"items": self.version_rows(key)})


class DefinitionVersion(DefinitionViews, APIView):
    def get(self, request: Request, key: str, version: str) -> Response:
        """One version's document."""
        self.require_read(actor_of(request))
        return self.answer(services.find(self.kind, key=key, version=version))


class DefinitionDiff(DefinitionViews, APIView):
    def get(self, request: Request, key: str) -> Response:
        """What changed from one version (`from`) to another (`to`, default: the newest): in words and as JSON Patch."""
        self.require_read(actor_of(request))
        earlier = request.query_params.get("from")
        if not earlier:
            raise BadInput("Say which version to compare with: ?from=1.0.0&to=1.1.0")
        before = services.find(self.kind, key=key, version=earlier)
        after = services.find(self.kind, key=key, version=request.query_params.get("to"))
        changes = self.kind.changes(before.document, after.document)
        patch = patch_between(before.document, after.document)
        return Response({"from": before.version, "to": after.version, "patch": patch, "changes": changes})


class DefinitionImpact(DefinitionViews, APIView):
    def get(self, request: Request, key: str) -> Response:
        """What depends on this definition and what is running on it; with `version`, what publishing that one breaks."""
        self.require_read(actor_of(request))
        row = self._stored(key)
        version = request.query_params.get("version")
        proposed = services.find(self.kind, key=key, version=version).document if version else None
        return self._answer(request, row, proposed)

    def post(self, request: Request, key: str) -> Response:
        """What publishing the given document in its place breaks. Nothing is saved."""
        self.require_read(actor_of(request))
        row, document = self._stored(key), document_of(request)
        if document.setdefault(self.kind.id_field, key) != key:
            message = f"The address says {key}."
            raise Unprocessable(violations=[Violation("id-mismatch", message, f"/{self.kind.id_field}")])
        if violations := check_document(self.kind.name, document):
            raise Unprocessable(f"The {self.kind.name} definition does not fit its schema.", violations=violations)
        return self._answer(request, row, document)

    def _answer(self, request: Request, row: Definition, proposed: dict[str, Any] | None) -> Response:
        def readable(kind: str) -> bool:
            return kind == self.kind.name or any(
                allowed(actor_of(request), f"{act}:{kind}") for act in ("view", "design")
            )

        return Response(impact(self.kind, row, proposed, readable=readable))

    def _stored(self, key: str) -> Definition:
        """What others name now: the newest published version, before that the newest draft."""
        row = self.kind.rows().filter(key=key).published().newest_first().first()
        return row or services.find(self.kind, key=key)


def actor_of(request: Request) -> User:
    """Who asks; views for definitions are never open to the anonymous."""
    return cast(User, request.user)


def document_of(request: Request) -> dict[str, Any]:
    """The body, which must be an object."""
    if not isinstance(request.data, dict):
        raise Unprocessable(violations=[Violation("type", "A definition is a JSON object.", "")])
    return dict(request.data)
