"""JSON of accounts, roles and tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.auth.models import AuditEntry, Role, User
from apps.auth.services.sign_in import MAX_PASSWORD_LENGTH


class CredentialsSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4_096)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField(help_text="Works once; exchange it at auth/refresh.")
    expiresIn = serializers.IntegerField(source="expires_in", help_text="Seconds until the access token expires.")


class JwkSerializer(serializers.Serializer[Any]):
    kty = serializers.CharField()
    crv = serializers.CharField()
    x = serializers.CharField()
    kid = serializers.CharField()
    use = serializers.CharField()
    alg = serializers.CharField()


class JwksSerializer(serializers.Serializer[Any]):
    keys = JwkSerializer(many=True)


class MeSerializer(serializers.ModelSerializer[User]):
    """The caller. ``roles`` and ``permissions`` include what is inherited."""

    fullName = serializers.CharField(source="full_name")
    mfaEnabled = serializers.BooleanField(source="mfa_enabled")
    roles = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()
    groups = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields: ClassVar[list[str]] = [
            "id",
            "username",
            "fullName",
            "email",
            "kind",
            "mfaEnabled",
            "roles",
            "permissions",
            "groups",
        ]

    def get_roles(self, user: User) -> list[str]:
        return sorted(user.role_names)

    def get_permissions(self, user: User) -> list[str]:
        return list(user.grants.texts)

    def get_groups(self, user: User) -> list[str]:
        return sorted(user.group_names)


class PersonSerializer(serializers.ModelSerializer[User]):
    """What somebody who hands out work needs to know of a person, and no more."""

    fullName = serializers.CharField(source="full_name")

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["id", "username", "fullName"]


class UserSerializer(serializers.ModelSerializer[User]):
    """An account as those who manage accounts see it. ``roles`` are those held directly."""

    fullName = serializers.CharField(source="full_name")
    mfaEnabled = serializers.BooleanField(source="mfa_enabled")
    roles = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)  # type: ignore[var-annotated]
    groups = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)  # type: ignore[var-annotated]
    createdAt = serializers.DateTimeField(source="created_at")
    lastLogin = serializers.DateTimeField(source="last_login", allow_null=True)

    class Meta:
        model = User
        fields: ClassVar[list[str]] = [
            "id",
            "username",
            "fullName",
            "email",
            "status",
            "kind",
            "mfaEnabled",
            "roles",
            "groups",
            "profile",
            "metadata",
            "createdAt",
            "lastLogin",
        ]


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    actorId = serializers.UUIDField(source="actor_id", allow_null=True)
    actor = serializers.CharField(source="actor_name", help_text="User name at the time; empty: the platform itself.")
    resourceId = serializers.CharField(source="resource_id")
    requestMeta = serializers.JSONField(source="request_meta")

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = [
            "id",
            "at",
            "actorId",
            "actor",
            "action",
            "resource",
            "resourceId",
            "details",
            "requestMeta",
        ]


class RoleSerializer(serializers.ModelSerializer[Role]):
    parentRoles = serializers.SerializerMethodField()
    isSystem = serializers.BooleanField(source="is_system")

    class Meta:
        model = Role
        fields: ClassVar[list[str]] = ["id", "name", "description", "permissions", "parentRoles", "isSystem"]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_parentRoles(self, role: Role) -> list[str]:
        return sorted(parent.name for parent in role.parent_roles.all())
