"""Every address of the system. Each app's routes stand in the app; here is only where they hang."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from apps.auth.api.urls import well_known
from apps.integrations.api.urls import hooks
from augmented import views

urlpatterns = [
    *well_known,
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("metrics", views.metrics),
    path("admin/", admin.site.urls),
    *(
        path("api/v1/", include(f"apps.{app}.api.urls"))
        for app in ("auth", "validation", "events", "integrations", "tasks", "workflows")
    ),
    *hooks,
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", views.ApiDocsView.as_view(url_name="schema"), name="api-docs"),
    path("", include("apps.ui.urls")),
]

handler400 = "augmented.views.bad_request"
handler403 = "augmented.views.forbidden"
handler404 = "augmented.views.not_found"
handler500 = "augmented.views.server_error"
