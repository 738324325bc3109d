"""Routes below `/api/v1/`: `validation/…` and `bundles`."""

from __future__ import annotations

from django.urls import path

from apps.validation.api import bundles, views

urlpatterns = [
    path("validation/schemas", views.SchemaListView.as_view(), name="validation-schemas"),
    path("validation/schemas/<path:schema_id>", views.SchemaView.as_view(), name="validation-schema"),
    path("validation/validate", views.ValidateView.as_view(), name="validation-validate"),
    path("validation/validate/batch", views.ValidateBatchView.as_view(), name="validation-validate-batch"),
    path("validation/expressions", views.ExpressionView.as_view(), name="validation-expressions"),
    path("bundles", bundles.Bundles.as_view(), name="bundles"),
    path("bundles/convert", bundles.ConvertBundle.as_view(), name="bundles-convert"),
]
