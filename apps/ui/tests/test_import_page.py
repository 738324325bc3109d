from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.ui.tests.reading import island, links
from apps.validation.dialects import convert
from apps.validation.schemas import check_document

pytestmark = pytest.mark.django_db
Browse = Callable[[User | None], Client]


def test_designers_find_the_way_to_it_from_the_list_of_workflows(alice: User, browse: Browse) -> None:
    assert "/import" in links(browse(alice).get("/workflows"))
    operator = UserFactory(roles=["workflow_operator"])
    assert "/import" not in links(browse(operator).get("/workflows"))


def test_its_example_shows_a_conversion_with_one_question_left(alice: User, browse: Browse) -> None:
    given = island(browse(alice).get("/import"), "import")
    assert given["limit"] == 1024 * 1024
    done = convert(given["example"])
    assert (done.kind, len(done.changes) > 10) == ("workflow", True)
    assert [each.code for each in done.violations] == ["duration-unit"]
    assert [each.pointer for each in check_document("workflow", done.document)] == ["/steps/1/timeout"]


def test_a_workflow_that_is_called_import_keeps_its_page(alice: User, browse: Browse) -> None:
    assert browse(alice).get("/workflows/import").status_code == 404
