"""Django's admin site: to look at, for those who may."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.auth import services
from apps.auth.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
PAGES = ("/admin/accounts/user/", "/admin/accounts/role/", "/admin/accounts/auditentry/")


def visitor(**account: object) -> Client:
    user = UserFactory(username="visitor", **account)
    client = Client()
    client.force_login(user, backend="apps.auth.backends.AccountBackend")
    return client


def statuses(client: Client) -> list[int]:
    return [client.get(page).status_code for page in PAGES]


def test_who_manages_accounts_and_reads_the_trail_sees_all_three() -> None:
    services.record_audit(actor=None, action="thing.done", resource="thing", resource_id="1")
    client = visitor(roles=["user_manager"])
    assert statuses(client) == [200, 200, 200]
    assert "thing.done" in client.get(PAGES[2]).text


def test_each_page_asks_for_its_own_permission() -> None:
    assert statuses(visitor(permissions=["view:audit"])) == [403, 403, 200]


def test_others_are_sent_to_sign_in() -> None:
    assert statuses(visitor(roles=["workflow_designer"])) == [302, 302, 302]


def test_nothing_can_be_changed_there_even_by_the_admin_and_no_password_hash_is_shown() -> None:
    client = visitor(roles=["admin"])
    person = UserFactory(username="person")
    page = client.get(f"/admin/accounts/user/{person.pk}/change/")
    assert page.status_code == 200
    assert person.password not in page.text
    for path in ("add/", f"{person.pk}/delete/"):
        assert client.get(f"/admin/accounts/user/{path}").status_code == 403
    assert client.post(f"/admin/accounts/user/{person.pk}/change/", {"username": "changed"}).status_code == 403


def test_its_sign_in_form_goes_through_the_same_door() -> None:
    UserFactory(username="boss", roles=["admin"])
    client = Client()
    for _ in range(6):
        assert client.post("/admin/login/", {"username": "boss", "password": "wrong"}).status_code == 200
    assert client.post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 200, "must wait"
    assert not client.session.get("_auth_user_id")
