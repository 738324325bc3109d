"""The API as each of the cast meets it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth import services
from apps.auth.tests.browsers import page_session
from apps.auth.tests.factories import Cast, UserFactory

pytestmark = pytest.mark.django_db


def items(answer: Any) -> list[dict[str, Any]]:
    body = answer.json()
    return body["items"] if isinstance(body, dict) else body


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/users", "/api/v1/roles", "/api/v1/audit"])
def test_without_credentials_the_answer_is_401_and_names_the_scheme(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/me/", "/.well-known/jwks.json"])
def test_both_forms_of_an_address_answer(signed_in, cast: Cast, path: str) -> None:
    assert signed_in(cast.alice).get(path).status_code == 200


def test_me_tells_who_i_am_and_what_i_may_do(signed_in, cast: Cast) -> None:
    me = signed_in(cast.bob).get("/api/v1/me").json()
    assert me["id"] == str(cast.bob.pk)
    assert (me["username"], me["fullName"]) == ("bob", "Bob")
    assert me["roles"] == ["manager", "user"]
    assert me["groups"] == ["managers"]
    assert "work:task:assigned" in me["permissions"]
    assert "password" not in me


def test_someone_without_roles_learns_just_that(signed_in, cast: Cast) -> None:
    me = signed_in(cast.charlie).get("/api/v1/me").json()
    assert (me["roles"], me["permissions"]) == ([], [])


def test_a_request_with_a_token_costs_two_queries(signed_in, cast: Cast, django_assert_max_num_queries) -> None:
    client = signed_in(cast.alice)
    client.get("/api/v1/me")
    with django_assert_max_num_queries(3):  # the account, its roles, its teams
        client.get("/api/v1/me")


def test_who_manages_accounts_sees_them_whole(signed_in, cast: Cast) -> None:
    found = items(signed_in(cast.admin).get("/api/v1/users"))
    assert [user["username"] for user in found] == ["admin", "alice", "bob", "charlie"]
    assert found[1]["roles"] == ["workflow_designer", "workflow_operator"]
    assert not any("password" in key for user in found for key in user)
    assert [u["username"] for u in items(signed_in(cast.admin).get("/api/v1/users?role=manager"))] == ["bob"]


def test_who_hands_out_work_finds_names_of_active_people_only(signed_in, cast: Cast) -> None:
    UserFactory(username="bobby", status="inactive")
    UserFactory(username="bobot", kind="service")
    client = signed_in(cast.alice)
    assert items(client.get("/api/v1/users?search=BO")) == [
        {"id": str(cast.bob.pk), "username": "bob", "fullName": "Bob"}
    ]
    assert items(client.get("/api/v1/users?search=bob@example")) == []
    assert [user["username"] for user in items(client.get("/api/v1/users?group=managers"))] == ["bob"]
    assert items(client.get("/api/v1/users?status=inactive&search=bobby")) == []


def test_others_may_list_neither_accounts_nor_roles(signed_in, cast: Cast) -> None:
    for user in (cast.bob, cast.charlie):
        assert signed_in(user).get("/api/v1/users").status_code == 403
        assert signed_in(user).get("/api/v1/roles").status_code == 403


def test_the_trail_is_read_newest_first_and_filtered_by_those_who_may(signed_in, cast: Cast) -> None:
    for n in ("1", "2", "3"):
        services.record_audit(actor=cast.bob, action="thing.done", resource="thing", resource_id=n)
    client = signed_in(cast.admin)
    assert [entry["resourceId"] for entry in items(client.get("/api/v1/audit?resource=thing"))] == ["3", "2", "1"]
    (entry,) = items(client.get("/api/v1/audit?resource=thing&resourceId=2&actor=bob"))
    assert (entry["actor"], entry["actorId"]) == ("bob", str(cast.bob.pk))
    assert items(client.get("/api/v1/audit?actor=alice&action=thing.done")) == []
    assert signed_in(cast.alice).get("/api/v1/audit").status_code == 403


def test_roles_are_listed_with_permissions_and_parents(signed_in, cast: Cast) -> None:
    roles = {role["name"]: role for role in items(signed_in(cast.alice).get("/api/v1/roles"))}
    assert roles["manager"]["parentRoles"] == ["user"]
    assert roles["admin"]["permissions"] == ["*"]
    assert roles["admin"]["isSystem"] is True


@pytest.mark.parametrize(
    "query", ["search=%00", "search=%25%5F'\"", "group=%F0%9F%90%99", "status=nonsense", "search=" + "x" * 3_000]
)
def test_odd_filters_find_nothing_and_break_nothing(signed_in, cast: Cast, query: str) -> None:
    assert signed_in(cast.admin).get(f"/api/v1/users?{query}").status_code == 200


def test_the_pages_session_is_accepted_and_ends_with_the_account(client: APIClient, cast: Cast) -> None:
    client.cookies["sessionid"] = page_session(cast.alice)
    assert client.get("/api/v1/me").json()["username"] == "alice"
    services.set_status(actor=None, user=cast.alice, status="suspended")
    assert client.get("/api/v1/me").status_code == 401


def test_a_new_password_ends_the_session_of_a_browser(client: APIClient, cast: Cast) -> None:
    client.cookies["sessionid"] = page_session(cast.alice)
    services.set_password(actor=None, user=cast.alice, password="another long phrase")
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_changes_nothing_without_its_csrf_token(cast: Cast) -> None:
    from rest_framework.exceptions import PermissionDenied
    from rest_framework.test import APIRequestFactory

    from apps.auth.api.authentication import SessionAuthentication

    request = APIRequestFactory(enforce_csrf_checks=True).post("/api/v1/anything", {}, format="json")
    request.user = cast.alice
    request._request = request  # type: ignore[attr-defined]
    with pytest.raises(PermissionDenied, match="CSRF"):
        SessionAuthentication().authenticate(request)  # type: ignore[arg-type]


def test_an_old_session_does_not_get_in_the_way_of_signing_in(client: APIClient, cast: Cast) -> None:
    client.cookies["sessionid"] = page_session(cast.bob)
    answer = client.post("/api/v1/auth/login", {"username": "alice", "password": "augmented"}, format="json")
    assert answer.status_code == 200


def test_the_openapi_document_describes_these_routes() -> None:
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)
    operations = {op["operationId"] for path in document["paths"].values() for op in path.values()}
    assert operations >= {"auth_login", "auth_refresh", "auth_logout", "me", "users_list", "roles_list", "jwks"}
    assert document["components"]["securitySchemes"].keys() >= {"bearer", "session"}
    assert {"bearer": []} in document["paths"]["/api/v1/me"]["get"]["security"]
