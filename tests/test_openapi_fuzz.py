"""Requests made up from the OpenAPI document, right and wrong ones, for every operation: none may end in a 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as limits
from schemathesis import GenerationMode

from apps.auth.services import open_session
from apps.auth.tests.factories import Cast
from tests import rights
from tests.rights import World

EXAMPLES = 15
DOCUMENT = settings.BASE_DIR / "docs" / "openapi.yaml"
SCHEMA = schemathesis.openapi.from_path(str(DOCUMENT))
SCHEMA.app = get_wsgi_application()
SCHEMA.config.generation.modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}


@pytest.fixture
def world(cast: Cast, tmp_path: Any, settings: Any) -> World:
    settings.MEDIA_ROOT = tmp_path
    return rights.make_world(cast)


@pytest.fixture
def bearer(cast: Cast, world: World) -> Iterator[str]:
    # As Django's own test client does: the test's transaction must outlive each request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield f"Bearer {open_session(user=cast.admin).access}"
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_no_request_that_the_document_allows_or_forbids_ends_in_a_5xx(label: str, world: World, bearer: str) -> None:
    operation = OPERATIONS[label]
    known = {"instance_id": world.runs["own"].id, "task_id": world.tasks["own"].id, "version": "1.0.0"}
    key = "greet" if "/tasks/" in label else "open" if "/webhooks/" in label else "greeting"
    known |= {"attachment_id": world.files["own"].id, "key": key, "name": "rights"}

    @given(case=operation.as_strategy())
    @limits(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        check(case)  # an id made up like the rest is nobody's …
        if named := known.keys() & case.path_parameters.keys():
            case.path_parameters.update({name: str(known[name]) for name in named})
            check(case)  # … so once more for something that is there

    def check(case: Any) -> None:
        with transaction.atomic():
            response = case.call(headers={"Authorization": bearer})
            transaction.set_rollback(True)
        assert response.status_code < 500, f"{case.as_curl_command()}\n{response.text[:2000]}"
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"]

    send()
