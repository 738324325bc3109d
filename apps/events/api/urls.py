"""Routes below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from apps.validation.api.kind_views import definition_routes

from . import definitions

app_name = "events"
urlpatterns = [
    *definition_routes(definitions.EventDefinitionViews),
    path("events/definitions/<str:key>/try", definitions.TryEventDefinition.as_view(), name="definition-try"),
]
