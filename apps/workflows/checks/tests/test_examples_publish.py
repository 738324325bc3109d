"""The examples can be saved and published as they are, checked against what is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.auth.tests.factories import Cast
from apps.events.kind import EVENT
from apps.tasks.services.definitions import TASKS
from apps.validation.definitions import bundles
from apps.validation.definitions.services import publish, save_draft
from apps.workflows.checks.tests.corpus import EXAMPLES
from apps.workflows.checks.tests.test_examples import BUNDLES, load
from apps.workflows.kind import WORKFLOW
from apps.workflows.models import Schedule


@pytest.mark.django_db
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_a_bundle_is_published_without_a_finding(bundle: Path, cast: Cast) -> None:
    for kind, files in ((EVENT, "event.*.json"), (TASKS, "task.*.json")):
        for path in sorted(bundle.glob(files)):
            document = load(path)
            save_draft(kind, actor=cast.admin, document=document)
            publish(kind, actor=cast.admin, key=document[kind.id_field])
    # The one that the example is named after starts the others.
    for path in sorted(bundle.glob("workflow.*.json"), key=lambda path: path.stem == f"workflow.{bundle.name}"):
        document = load(path)
        draft, _ = save_draft(WORKFLOW, actor=cast.admin, document=document)
        assert draft.violations == []
        assert publish(WORKFLOW, actor=cast.admin, key=document["workflowId"]).status == "published"


@pytest.mark.django_db
def test_an_example_brings_its_schedule_paused(cast: Cast) -> None:
    documents = bundles.read(EXAMPLES / "purchase-approval", {})
    done = bundles.apply(documents, actor=cast.admin)
    assert ("schedule", "monthly-supplies", "created") in [(each.kind, each.key, each.done) for each in done]
    assert not Schedule.objects.get().enabled


@pytest.mark.django_db
def test_without_its_tasks_a_workflow_is_kept_as_a_draft_with_its_problems(cast: Cast) -> None:
    document = load(EXAMPLES / "order-processing" / "workflow.order-processing.json")
    draft, _ = save_draft(WORKFLOW, actor=cast.admin, document=document)
    codes = {violation["code"] for violation in draft.violations}
    assert codes == {"unknown-task"}
