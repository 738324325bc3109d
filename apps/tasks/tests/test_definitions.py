"""Drafts, publishing and archiving of task definitions."""

from __future__ import annotations

import pytest

from apps.auth.access import AccessDenied
from apps.auth.tests.factories import Cast
from apps.tasks import selectors, services
from apps.tasks.executors import plan_of, plans_by_id
from apps.tasks.models import TaskDefinition
from apps.validation.problems import Conflict, NotFound, StaleVersion, Unprocessable

from .factories import expression_document


def test_a_draft_is_saved_replaced_and_published(cast: Cast) -> None:
    row, created = services.save_definition(actor=cast.admin, document=expression_document())
    assert (created, row.status, row.revision, row.violations) == (True, "draft", 1, [])
    row, created = services.save_definition(actor=cast.admin, document=expression_document() | {"name": "Twice"})
    assert (created, row.name, row.revision) == (False, "Twice", 2)
    published = services.publish_definition(actor=cast.admin, key="double")
    assert (published.status, published.published_by_id) == ("published", cast.admin.pk)
    with pytest.raises(Conflict):
        services.save_definition(actor=cast.admin, document=expression_document())


def test_a_faulty_draft_is_kept_with_its_findings_but_not_published(cast: Cast) -> None:
    row, _ = services.save_definition(actor=cast.admin, document=expression_document(output="${input.}"))
    assert [violation["pointer"] for violation in row.violations] == ["/implementation/parameters/output"]
    with pytest.raises(Unprocessable) as refused:
        services.publish_definition(actor=cast.admin, key="double")
    assert refused.value.violations[0].column is not None


def test_what_does_not_fit_the_schema_is_not_kept(cast: Cast) -> None:
    document = expression_document()
    document["inputShema"] = document.pop("inputSchema")
    with pytest.raises(Unprocessable) as refused:
        services.save_definition(actor=cast.admin, document=document)
    assert refused.value.violations[0].pointer == "/inputShema"
    assert "inputSchema" in refused.value.violations[0].hint
    assert not TaskDefinition.objects.exists()


def test_a_stale_save_is_refused(cast: Cast) -> None:
    services.save_definition(actor=cast.admin, document=expression_document())
    services.save_definition(actor=cast.admin, document=expression_document() | {"name": "B"}, if_match=1)
    with pytest.raises(StaleVersion):
        services.save_definition(actor=cast.admin, document=expression_document() | {"name": "C"}, if_match=1)


def test_archiving_takes_it_out_of_use(cast: Cast) -> None:
    services.save_definition(actor=cast.admin, document=expression_document())
    services.publish_definition(actor=cast.admin, key="double")
    services.archive_definition(actor=cast.admin, key="double")
    assert not selectors.latest_definitions().exists()
    with pytest.raises(Conflict):
        services.run_task(actor=cast.admin, key="double", input={"amount": 1})
    with pytest.raises(NotFound):
        services.archive_definition(actor=cast.admin, key="double")


def test_lists_show_the_newest_version_and_the_one_in_use(cast: Cast) -> None:
    services.save_definition(actor=cast.admin, document=expression_document())
    services.publish_definition(actor=cast.admin, key="double")
    services.save_definition(actor=cast.admin, document=expression_document() | {"version": "2.0.0"})
    row = selectors.latest_definitions().get()
    assert (row.version, row.published_version) == ("2.0.0", "1.0.0")


def test_who_may_not_design_saves_nothing(cast: Cast) -> None:
    with pytest.raises(AccessDenied):
        services.save_definition(actor=cast.bob, document=expression_document())


def test_plans_are_kept_and_a_changed_draft_is_compiled_anew(cast: Cast) -> None:
    row, _ = services.save_definition(actor=cast.admin, document=expression_document())
    before = plan_of(row)
    assert plan_of(row) is before
    row, _ = services.save_definition(actor=cast.admin, document=expression_document(output="${input.amount}"))
    assert plan_of(row) is not before
    assert plans_by_id([row.pk])[row.pk] is plan_of(row)
