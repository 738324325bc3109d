"""Audit entries, once written, stay."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from apps.auth import services
from apps.auth.models import AuditEntry
from apps.auth.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def entry(**more: object) -> AuditEntry:
    return services.record_audit(actor=None, action="thing.done", resource="thing", resource_id="1", **more)  # type: ignore[arg-type]


def test_an_entry_says_who_did_what_when_from_where() -> None:
    user = UserFactory()
    written = services.record_audit(
        actor=user,
        action="thing.done",
        resource="thing",
        resource_id="7",
        details={"a": 1},
        request_meta={"address": "::1"},
    )
    read = AuditEntry.objects.get(pk=written.pk)
    assert (read.actor, read.actor_name, read.details, read.request_meta) == (
        user,
        user.username,
        {"a": 1},
        {"address": "::1"},
    )
    assert read.at is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET action = 'other'",
        "UPDATE accounts_auditentry SET at = now() - interval '1 day'",
        "DELETE FROM accounts_auditentry",
    ],
)
def test_the_database_refuses_to_change_or_remove_an_entry(statement: str) -> None:
    written = entry()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.filter(pk=written.pk, action="thing.done").exists()


def test_the_orm_cannot_either() -> None:
    written = entry()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        written.delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        written.save()


def test_emptying_the_table_is_guarded_outside_test_databases() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'refuse_audit_change'")
        (source,) = cursor.fetchone()
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'accounts_auditentry'::regclass AND tgenabled = 'O'"
        )
        triggers = {name for (name,) in cursor.fetchall()}
    assert "TG_OP = 'TRUNCATE' AND current_database() LIKE 'test\\_%'" in source
    assert triggers >= {"audit_rows_append_only", "audit_table_append_only"}


def test_an_entry_outlives_the_account_it_speaks_of() -> None:
    user = UserFactory(username="leaver")
    written = services.record_audit(actor=user, action="thing.done", resource="thing", resource_id="1")
    user.delete()
    assert AuditEntry.objects.get(pk=written.pk).actor_name == "leaver"


def test_what_was_rolled_back_leaves_no_entry() -> None:
    with transaction.atomic():
        entry()
        transaction.set_rollback(True)
    assert not AuditEntry.objects.filter(action="thing.done").exists()
