"""Routes below ``/api/v1/``; ``well_known`` hangs at the root."""

from __future__ import annotations

from django.urls import path

from apps.auth.api import secrets, views

app_name = "accounts"
urlpatterns = [
    path("auth/login", views.LoginView.as_view(), name="login"),
    path("auth/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("me", views.MeView.as_view(), name="me"),
    path("users", views.UserListView.as_view(), name="users"),
    path("audit", views.AuditListView.as_view(), name="audit"),
    path("secrets", secrets.SecretList.as_view(), name="secrets"),
    path("secrets/<str:name>", secrets.OneSecret.as_view(), name="secret"),
    path("secrets/<str:name>/rotate", secrets.RotateSecret.as_view(), name="secret-rotate"),
    path("roles", views.RoleListView.as_view(), name="roles"),
]
well_known = [path(".well-known/jwks.json", views.JwksView.as_view(), name="jwks")]
