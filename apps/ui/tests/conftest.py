"""Pages are tested without Node: a build that has every listed icon, and one entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from apps.auth.models import User

FRONTEND = Path(__file__).parents[3] / "frontend"


@pytest.fixture(autouse=True)
def _build(settings: LazySettings, tmp_path: Path) -> None:
    """Icons that templates use but `icons.json` does not list fail the test, as they would fail the page."""
    names = json.loads((FRONTEND / "src" / "icons.json").read_text())
    (tmp_path / "icons.json").write_text(json.dumps({name: f"<path d='{name}'/>" for name in names}))
    manifest = tmp_path / ".vite" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(
        json.dumps(
            {
                "src/main.ts": {"file": "assets/main-1.js", "css": ["assets/main-2.css"], "imports": ["_shared.js"]},
                "_shared.js": {"file": "assets/shared-3.js", "css": ["assets/shared-4.css"], "imports": ["_shared.js"]},
            }
        )
    )
    settings.VITE_MANIFEST = manifest


@pytest.fixture
def browse() -> Callable[[User | None], Client]:
    """`browse(alice).get("/")`: a browser in which the user has signed in."""

    def client(user: User | None) -> Client:
        made = Client(headers={"Accept": "text/html"})
        if user is not None:
            made.force_login(user)
        return made

    return client
