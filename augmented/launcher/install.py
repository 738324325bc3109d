"""The virtual environment: created once, brought up to date when the requirements change. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from hashlib import sha256
from pathlib import Path

from augmented.launcher.places import PYTHON, ROOT, VAR, VENV
from augmented.launcher.progress import LaunchError, run, step

LOG = VAR / "log" / "install.log"
OLDEST_PYTHON = (3, 11)
UV = "uv==0.13.9"
# Needs no installation itself: a wheel is a zip that Python can run. Only for a Python without ensurepip (Debian's
# python3 without python3-venv).
PIP_ZIPAPP = "https://bootstrap.pypa.io/pip/pip.pyz"


def install(*, development: bool) -> None:
    """Create .venv and install what is pinned. `development` adds what tests and linters need. Raises LaunchError."""
    if sys.version_info < OLDEST_PYTHON:
        raise LaunchError(
            f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, this is {sys.version.split()[0]}."
        )
    files = [ROOT / "requirements.txt"] + ([ROOT / "requirements-dev.txt"] if development else [])
    stamp = VENV / (".installed-dev" if development else ".installed")
    wanted = _fingerprint([*files, ROOT / "constraints.txt"])
    if not _works(PYTHON):
        with step("Creating .venv"):
            _create_venv()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    with step("Installing Python packages (first time: about half a minute)"):
        _install(files)
    stamp.write_text(wanted)
    if development:  # the development set contains the other
        (VENV / ".installed").write_text(_fingerprint([files[0], ROOT / "constraints.txt"]))


def _create_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run([sys.executable, "-m", "venv", VENV], log=LOG)
    except LaunchError:  # no ensurepip here
        shutil.rmtree(VENV, ignore_errors=True)
        run([sys.executable, "-m", "venv", "--without-pip", VENV], log=LOG)


def _install(files: list[Path]) -> None:
    """uv, which pip can install, takes 8 s where pip takes 43; where uv does not work, pip does the same."""
    wanted = [part for file in files for part in ("-r", str(file))] + ["-c", str(ROOT / "constraints.txt")]
    try:
        uv = VENV / "bin" / "uv"
        if not uv.exists():
            run([*_pip(), "install", "--quiet", UV], log=LOG)
        # The system's certificates, as pip uses them: companies put their proxy's there.
        run(
            [
                uv,
                "pip",
                "install",
                "--system-certs",
                "--no-progress",
                "--compile-bytecode",
                "--python",
                PYTHON,
                *wanted,
            ],
            log=LOG,
        )
    except LaunchError:
        run([*_pip(), "install", "--quiet", *wanted], log=LOG)


def _pip() -> list[str]:
    """A command that installs into .venv: its own pip, else the one of the system, else the one that pip's authors publish."""
    own = [str(PYTHON), "-m", "pip"]
    if _succeeds([*own, "--version"]):
        return own
    if _succeeds([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    zipapp = Path(tempfile.gettempdir()) / f"pip-{os.getuid()}.pyz"
    try:
        urllib.request.urlretrieve(PIP_ZIPAPP, zipapp)
    except OSError as error:
        raise LaunchError(f"This Python has no pip ({error}). On Debian: apt install python3-venv") from error
    return [str(PYTHON), str(zipapp)]


def _works(python: Path) -> bool:
    """False where .venv is absent or was made by a Python that is gone."""
    return _succeeds([str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _fingerprint(files: list[Path]) -> str:
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
