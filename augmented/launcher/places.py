"""Where things lie. Only the standard library: used before anything is installed."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VAR = Path(os.environ.get("AUGMENTED_VAR") or ROOT / "var")
FRONTEND = ROOT / "frontend"

# A Unix socket's path may be 107 bytes long, and Postgres appends its own name to the directory.
LONGEST_SOCKET_DIRECTORY = 80


def socket_directory(var: Path) -> Path:
    """`var/run`, or a short directory of its own below the temporary one where that path would be too long for a socket."""
    wanted = var / "run"
    if len(str(wanted)) <= LONGEST_SOCKET_DIRECTORY:
        return wanted
    digest = sha256(str(wanted).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"augmented-{os.getuid()}-{digest}"
