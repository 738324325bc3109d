"""The routes of one kind of definitions, made from what the kind says of itself.

A kind's app subclasses :class:`KindViews` (who may read, how rows are shown and filtered) and puts
``*definition_routes(ItsViews)`` among its routes. That gives list, save, validate, one, publish, versions, version, diff
and impact, with the operation ids ``<operations>_list`` … and ``<kind>_versions_list``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.auth.models import User

from . import definitions as shared
from .definitions import actor_of, document_of
from .idempotency import idempotent
from .pagination import KeysetPagination


class KindViews(shared.DefinitionViews):
    """What a kind says of itself.

    ``prefix``: the address below /api/v1/. ``route``: what its URL names begin with. ``operations``: what its operation
    ids begin with. ``tag``: its heading in the documentation. ``one`` and ``summary``: serializers of a version and of a
    row in the list; ``version``: of a version in the list of versions. ``filters``: the parameters that :meth:`listed`
    reads, and ``says`` what the list holds.
    """

    prefix: ClassVar[str]
    route: ClassVar[str] = "definition"
    operations: ClassVar[str]
    tag: ClassVar[str]
    one: ClassVar[type[BaseSerializer[Any]]]
    summary: ClassVar[type[BaseSerializer[Any]]]
    version: ClassVar[type[BaseSerializer[Any]]] = shared.VersionSerializer
    filters: ClassVar[Sequence[OpenApiParameter]] = ()
    says: ClassVar[str]

    def listed(self, actor: User, given: QueryDict) -> QuerySet[Any]:
        """The newest version of each definition that fits the parameters; :meth:`require_read` has been asked."""
        raise NotImplementedError

    def summaries(self, rows: list[Any]) -> list[Any]:
        """What ``summary`` gets for the rows of one page: here a kind looks up what it adds, once for all of them."""
        return rows


class _List(KindViews, generics.ListAPIView[Any]):
    pagination_class = KeysetPagination
    ordering = ("key",)
    ordering_fields = ("key", "name", "updated_at")

    def get_queryset(self) -> QuerySet[Any]:
        actor = actor_of(self.request)
        self.require_read(actor)
        return self.listed(actor, self.request.query_params)

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        if args and isinstance(args[0], list):
            args = (self.summaries(args[0]), *args[1:])
        return super().get_serializer(*args, **kwargs)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @idempotent
    def post(self, request: Request) -> Response:
        """Save a draft: creates it, or replaces the one with the same id and version."""
        return self.save(request, document_of(request))


def definition_routes(views: type[KindViews]) -> list[URLPattern]:
    """Routes below ``views.prefix``. What a kind adds under ``<prefix>/<word>`` must stand before these."""
    at, name = views.prefix, views.route
    one = f"{at}/<str:key>"
    documented = _documented(views)

    def route(address: str, suffix: str, base: type[APIView], **more: Any) -> URLPattern:
        made = type(
            f"{views.__name__}{base.__name__.strip('_')}", (views, base), {"__module__": views.__module__} | more
        )
        view = cast("type[APIView]", extend_schema_view(**documented[base])(made))
        return path(address, view.as_view(), name=f"{name}{suffix}")

    return [
        route(at, "s", _List, serializer_class=views.summary),
        route(f"{at}/validate", "-validate", shared.ValidateDefinition),
        route(one, "", shared.OneDefinition),
        route(f"{one}/publish", "-publish", shared.PublishDefinition),
        route(f"{one}/versions", "-versions", shared.DefinitionVersions),
        route(f"{one}/versions/<str:version>", "-version", shared.DefinitionVersion),
        route(f"{one}/diff", "-diff", shared.DefinitionDiff),
        route(f"{one}/impact", "-impact", shared.DefinitionImpact),
    ]


def _documented(views: type[KindViews]) -> dict[type[APIView], dict[str, Any]]:
    """Of each view the methods as the API's document describes them."""
    kind = views.kind.name
    document: dict[str, Any] = {"application/json": {"type": "object", "description": f"See schemas/{kind}.json."}}
    saved: dict[int, Any] = {
        200: views.one,
        201: views.one,
        409: OpenApiResponse(description="That version is published already."),
        412: OpenApiResponse(description="If-Match names an older revision."),
        422: OpenApiResponse(description="The document does not fit its schema."),
    }
    published = {
        200: views.one,
        409: OpenApiResponse(description="There is no draft, or it is archived."),
        422: OpenApiResponse(description="The definition has errors."),
    }
    between = [
        OpenApiParameter("from", str, required=True, description="The earlier version."),
        OpenApiParameter("to", str, description="The later version; default: the newest."),
    ]
    stored = OpenApiParameter("version", str, description="A stored version: what publishing it breaks.")
    impact = {200: shared.ImpactSerializer}

    def says(operation: str, responses: Any, *, under: str = views.operations, **more: Any) -> Any:
        return extend_schema(operation_id=f"{under}_{operation}", tags=[views.tag], responses=responses, **more)

    versions = f"{kind}_versions"
    return {
        _List: {
            "get": extend_schema(
                operation_id=f"{views.operations}_list",
                tags=[views.tag],
                description=views.says,
                parameters=list(views.filters),
            ),
            "post": says("save", saved, request=document),
        },
        shared.ValidateDefinition: {"post": says("validate", {200: shared.VerdictSerializer}, request=document)},
        shared.OneDefinition: {
            "get": says("retrieve", {200: views.one}),
            "put": says("replace", saved, request=document),
            "delete": says("archive", {204: None}),
        },
        shared.PublishDefinition: {"post": says("publish", published, request=shared.PublishSerializer)},
        shared.DefinitionVersions: {"get": says("list", {200: views.version(many=True)}, under=versions)},
        shared.DefinitionVersion: {"get": says("retrieve", {200: views.one}, under=versions)},
        shared.DefinitionDiff: {"get": says("diff", {200: shared.DiffSerializer}, parameters=between)},
        shared.DefinitionImpact: {
            "get": says("impact", impact, parameters=[stored]),
            "post": says(
                "impact_of",
                impact | {422: OpenApiResponse(description="The document does not fit its schema.")},
                request=document,
            ),
        },
    }
