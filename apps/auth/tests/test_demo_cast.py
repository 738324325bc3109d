"""The demo people: in development only, and never overwritten."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from apps.auth import access, services
from apps.auth.models import AuditEntry, User

pytestmark = pytest.mark.django_db


def test_the_cast_can_sign_in_and_has_its_roles(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_demo_cast")
    assert "admin, alice, bob, charlie" in capsys.readouterr().out
    people = {
        name: services.sign_in(username=name, password="augmented") for name in ("admin", "alice", "bob", "charlie")
    }
    assert access.allowed(people["admin"], "manage:user")
    assert access.allowed(people["alice"], "publish:workflow")
    assert people["bob"].group_names == {"managers"}
    assert people["charlie"].role_names == frozenset()


def test_repeating_it_changes_nothing_even_what_was_changed_since() -> None:
    services.create_demo_cast()
    bob = User.objects.get(username="bob")
    services.set_password(actor=bob, user=bob, password="bob chose his own")
    services.assign_roles(actor=None, user=bob, roles=["guest"])
    entries = AuditEntry.objects.count()
    services.create_demo_cast()
    bob.refresh_from_db()
    assert bob.check_password("bob chose his own")
    assert bob.role_names == {"guest"}
    assert (User.objects.count(), AuditEntry.objects.count()) == (4, entries)


def test_in_production_it_is_refused(settings) -> None:
    settings.AUGMENTED_MODE = "production"
    with pytest.raises(CommandError, match="published password"):
        call_command("create_demo_cast")
    assert not User.objects.exists()
