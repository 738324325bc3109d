"""Task definitions over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import Cast

from .factories import expression_document, human_document

Api = Callable[[User | None], APIClient]
URL = "/api/v1/tasks/definitions"


def test_a_definition_is_saved_checked_published_and_read(cast: Cast, api: Api) -> None:
    admin = api(cast.admin)
    created = admin.post(URL, expression_document())
    assert (created.status_code, created["ETag"], created.json()["status"]) == (201, '"1"', "draft")
    changed = admin.put(f"{URL}/double", expression_document() | {"name": "Twice"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert admin.put(f"{URL}/double", expression_document(), headers={"If-Match": '"1"'}).status_code == 412
    published = admin.post(f"{URL}/double/publish", {})
    assert (published.status_code, published.json()["status"]) == (200, "published")
    assert admin.post(URL, expression_document()).status_code == 409
    assert admin.post(URL, expression_document() | {"version": "1.1.0"}).status_code == 201
    listed = admin.get(URL).json()["items"]
    assert [(each["taskId"], each["latestVersion"], each["publishedVersion"]) for each in listed] == [
        ("double", "1.1.0", "1.0.0")
    ]
    versions = admin.get(f"{URL}/double/versions").json()["items"]
    assert [(each["version"], each["status"]) for each in versions] == [("1.1.0", "draft"), ("1.0.0", "published")]
    assert admin.get(f"{URL}/double/versions/1.0.0").json()["document"]["name"] == "Twice"
    assert admin.get(f"{URL}/double/versions/9.0.0").status_code == 404
    assert admin.delete(f"{URL}/double").status_code == 204
    assert admin.get(URL).json()["items"] == []


def test_what_was_read_can_be_sent_back(cast: Cast, api: Api) -> None:
    admin = api(cast.admin)
    admin.post(URL, expression_document())
    read = admin.get(f"{URL}/double").json()["document"]
    assert admin.put(f"{URL}/double", read | {"name": "Other"}).status_code == 200
    assert admin.get(f"{URL}/double").json()["name"] == "Other"


@pytest.mark.parametrize("query", ["type=HUMAN", "status=gone", "search=%00", "ordering=document"])
def test_parameters_that_mean_nothing_are_400(cast: Cast, api: Api, query: str) -> None:
    assert api(cast.admin).get(f"{URL}?{query}").status_code == 400


def test_lists_are_filtered(cast: Cast, api: Api) -> None:
    admin = api(cast.admin)
    admin.post(URL, expression_document() | {"tags": ["maths"]})
    admin.post(URL, human_document())

    def keys(query: str) -> list[str]:
        return [each["taskId"] for each in admin.get(f"{URL}?{query}").json()["items"]]

    assert keys("") == ["approve", "double"]
    assert keys("kind=EXPRESSION") == keys("type=AUTOMATED") == keys("tag=maths") == keys("search=doub") == ["double"]
    assert keys("kind=HUMAN&status=draft") == ["approve"]


def test_checking_saves_nothing_and_always_answers(cast: Cast, api: Api) -> None:
    faulty = expression_document(output="${input.}") | {"inputShema": {}}
    answer = api(cast.admin).post(f"{URL}/validate", faulty)
    assert answer.status_code == 200
    assert answer.json()["valid"] is False
    assert answer.json()["violations"][0]["pointer"] == "/inputShema"
    assert api(cast.admin).post(f"{URL}/validate", expression_document()).json() == {"valid": True, "violations": []}
    assert api(cast.admin).get(URL).json()["items"] == []


def test_faulty_documents_are_refused_or_kept_as_drafts(cast: Cast, api: Api) -> None:
    admin = api(cast.admin)
    assert admin.post(URL, expression_document() | {"nmae": "x"}).status_code == 422
    kept = admin.post(URL, expression_document(output="${input.}"))
    assert (kept.status_code, kept.json()["violations"][0]["pointer"]) == (201, "/implementation/parameters/output")
    refused = admin.post(f"{URL}/double/publish", {})
    assert refused.status_code == 422
    assert refused.json()["violations"][0]["column"]
    assert admin.put(f"{URL}/other", expression_document()).status_code == 422


def test_rights_are_asked(cast: Cast, api: Api) -> None:
    assert api(None).get(URL).status_code == 401
    assert api(cast.charlie).get(URL).status_code == 403
    assert api(cast.bob).post(URL, expression_document()).status_code == 403
    assert api(cast.alice).post(URL, expression_document()).status_code == 201
    assert api(cast.bob).post(f"{URL}/double/publish", {}).status_code == 403
    assert api(cast.bob).delete(f"{URL}/double").status_code == 403
