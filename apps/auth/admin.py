"""Accounts, roles and the audit trail in Django's admin site, to look at. Changes go through the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from apps.auth import access
from apps.auth.models import AuditEntry, Role, Secret, User

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class CappedPaginator(Paginator):
    """Counts no further than MOST rows: of what there may be millions, nobody reads the last page."""

    MOST: ClassVar[int] = 10_000

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.MOST].count()


class ReadOnlyAdmin(ModelAdmin):
    """Shows, to holders of ``permission``; adds, changes and deletes nothing."""

    permission: ClassVar[str]
    paginator = CappedPaginator
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.allowed(request.user, self.permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    permission = "manage:user"
    list_display = ("username", "full_name", "email", "status", "kind", "last_login")
    list_filter = ("status", "kind", "roles")
    search_fields = ("username", "full_name", "email")
    exclude = ("password",)


@admin.register(Role)
class RoleAdmin(ReadOnlyAdmin):
    permission = "manage:user"
    list_display = ("name", "description", "is_system")
    search_fields = ("name",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    permission = "view:audit"
    list_display = ("at", "actor_name", "action", "resource", "resource_id")
    list_filter = ("action", "resource")
    search_fields = ("actor_name", "resource_id")


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """What is known of secrets; never a value, sealed or not."""

    permission = "manage:secret"
    list_display = ("name", "description", "hosts", "rotated_at", "rotated_by", "previous_until")
    search_fields = ("name",)
    exclude = ("sealed_value", "sealed_with", "previous_value", "previous_with")
