from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import PASSWORD


def sign_in(client: Client, **fields: str) -> object:
    return client.post("/login", {"username": "alice", "password": PASSWORD, **fields})


@pytest.mark.django_db
def test_the_right_password_leads_to_the_page_that_was_asked_for(alice: User, client: Client) -> None:
    answer = sign_in(client, next="/instances?status=FAILED")
    assert (answer.status_code, answer.url) == (302, "/instances?status=FAILED")
    assert client.get("/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_never_leads_to_another_site(alice: User, client: Client, target: str) -> None:
    assert sign_in(client, next=target).url == "/"


@pytest.mark.django_db
def test_a_wrong_password_is_refused_without_saying_what_was_wrong(alice: User, client: Client) -> None:
    wrong = sign_in(client, password="no")
    nobody = sign_in(client, username="nobody", password="no")
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    assert b"Name or password is wrong." in wrong.content
    assert b"Name or password is wrong." in nobody.content


@pytest.mark.django_db
def test_too_many_wrong_passwords_have_to_wait(alice: User, client: Client) -> None:
    answers = [sign_in(client, password="no") for _ in range(30)]
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) >= 1


@pytest.mark.django_db
def test_what_was_typed_is_shown_as_text(client: Client) -> None:
    answer = sign_in(client, username="<script>alert(1)</script>", password="x")
    assert b"<script>alert" not in answer.content


@pytest.mark.django_db
def test_the_form_needs_its_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict).status_code == 403


@pytest.mark.django_db
def test_signing_out_is_a_post_and_ends_the_session(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").url == "/login"
    assert client.get("/").url == "/login?next=/"


@pytest.mark.django_db
def test_who_is_signed_in_does_not_see_the_form_again(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get("/login?next=/tasks").url == "/tasks"


@pytest.mark.django_db
def test_the_demo_cast_is_named_in_development_only(client: Client, settings: LazySettings) -> None:
    settings.AUGMENTED_MODE = "development"
    assert b"Development mode" in client.get("/login").content
    settings.AUGMENTED_MODE = "production"
    assert b"Development mode" not in client.get("/login").content
