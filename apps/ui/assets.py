"""What Vite built: entry files with their styles and preloads, and the icons.

`frontend/` builds into static/dist; its manifest says which hashed file belongs to which source. The hashes are in the
names, so the files are linked as they are and can be cached for ever.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

BUILD = "Run `npm ci && npm run build` in frontend/ (`make run` does it)."


@dataclass(frozen=True, slots=True)
class Entry:
    """Addresses of one entry: its script, the styles it needs, the scripts it will import at once."""

    script: str
    styles: tuple[str, ...]
    preloads: tuple[str, ...]


def entry(source: str) -> Entry:
    """The built form of e.g. `src/main.ts`. Raises ImproperlyConfigured when there is no build or no such entry."""
    path = Path(settings.VITE_MANIFEST)
    return _entry(path, _modified(path), source)


def has_icon(name: str) -> bool:
    """Whether an icon is among those that are built."""
    return name in _icons()


def icon(name: str) -> str:
    """The markup inside an icon's <svg>. Raises ImproperlyConfigured for a name that frontend/src/icons.json lacks."""
    icons = _icons()
    if name not in icons:
        raise ImproperlyConfigured(f"The icon {name!r} is not built. Add it to frontend/src/icons.json. {BUILD}")
    return str(icons[name])


def _icons() -> dict[str, dict[str, object]]:
    path = Path(settings.VITE_MANIFEST).parent.parent / "icons.json"
    return _read(path, _modified(path))


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        raise ImproperlyConfigured(f"The front end is not built: {path} is missing. {BUILD}") from None


@lru_cache(maxsize=8)
def _read(path: Path, modified: int) -> dict[str, dict[str, object]]:
    """A JSON file; `modified` makes a new build seen at once."""
    content: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return content


@lru_cache(maxsize=32)
def _entry(path: Path, modified: int, source: str) -> Entry:
    manifest = _read(path, modified)
    if source not in manifest:
        raise ImproperlyConfigured(f"The front end has no entry {source!r}. {BUILD}")
    chunk = manifest[source]
    seen = _imports(manifest, source)
    styles = [style for name in (source, *seen) for style in _names(manifest[name].get("css"))]
    return Entry(
        script=_address(str(chunk["file"])),
        styles=tuple(_address(style) for style in dict.fromkeys(styles)),
        preloads=tuple(_address(str(manifest[name]["file"])) for name in seen),
    )


def _imports(manifest: dict[str, dict[str, object]], source: str) -> list[str]:
    """What an entry imports statically, directly or not, nearest first."""
    found: dict[str, None] = {}
    queue = [source]
    while queue:
        for name in _names(manifest[queue.pop(0)].get("imports")):
            if name not in found:
                found[name] = None
                queue.append(name)
    return list(found)


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _address(file: str) -> str:
    return f"{settings.STATIC_URL}dist/{file}"
