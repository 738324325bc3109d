"""What the person at the terminal sees: one line per step, with its duration, and on failure the end of its output."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 25


class LaunchError(Exception):
    """Ends the command with exit code 1; its text is meant for the person at the terminal."""


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def step(label: str) -> Iterator[None]:
    """Print `label …` and, when the block has ended, how long it took."""
    interactive = sys.stdout.isatty()
    began = time.monotonic()
    print(f"  {label} …", end="" if interactive else "\n", flush=True)
    try:
        yield
    except BaseException:
        print(" failed" if interactive else f"  {label}: failed", flush=True)
        raise
    took = f"{time.monotonic() - began:.1f} s"
    print(f" {took}" if interactive else f"  {label}: done, {took}", flush=True)


def run(
    command: Sequence[str | Path], *, log: Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> None:
    """Run to the end with all output in `log`. Raises LaunchError with the last lines when it fails or cannot start."""
    log.parent.mkdir(parents=True, exist_ok=True)
    shown = " ".join(str(part) for part in command)
    with log.open("ab") as sink:
        sink.write(f"\n$ {shown}\n".encode())
        sink.flush()
        try:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd=cwd,
                env=env,
                check=False,
            )
        except OSError as error:
            raise LaunchError(f"Cannot run {command[0]}: {error}") from error
    if done.returncode:
        raise LaunchError(f"{shown}\nended with code {done.returncode}. The end of {log}:\n\n{tail(log)}")


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a file, each indented; empty when there is no file."""
    if not log.exists():
        return ""
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
