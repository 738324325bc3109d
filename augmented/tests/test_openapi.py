"""The OpenAPI document is committed: whoever changes the interface sees it in the diff."""

from __future__ import annotations

from io import StringIO

import yaml
from django.conf import settings
from django.core.management import call_command
from django.urls import get_resolver

SNAPSHOT = settings.BASE_DIR / "docs" / "openapi.yaml"


def generated() -> str:
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    return out.getvalue()


def test_the_committed_document_is_the_one_that_the_code_gives() -> None:
    assert generated() == SNAPSHOT.read_text(), "the interface changed: make openapi, and look at the diff"


def test_it_is_openapi_3_1_and_every_operation_says_how_to_sign_in() -> None:
    document = yaml.safe_load(SNAPSHOT.read_text())
    assert document["openapi"].startswith("3.1")
    assert {"bearer", "session"} <= document["components"]["securitySchemes"].keys()


def test_every_route_below_the_api_is_described() -> None:
    document = yaml.safe_load(SNAPSHOT.read_text())
    described = {path.rstrip("/") for path in document["paths"]}

    def routes(patterns: list, prefix: str) -> set[str]:
        found: set[str] = set()
        for pattern in patterns:
            here = prefix + str(pattern.pattern)
            found |= routes(pattern.url_patterns, here) if hasattr(pattern, "url_patterns") else {here}
        return found

    api = {route for route in routes(get_resolver().url_patterns, "/") if route.startswith("/api/v1/")}
    shapes = {"/".join("{}" if "<" in part else part for part in route.split("/")) for route in api}
    known = {"/".join("{}" if part.startswith("{") else part for part in path.split("/")) for path in described}
    assert shapes <= known
