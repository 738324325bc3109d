"""`python3 -m augmented.launcher COMMAND`. Starts with any Python ≥ 3.11 and goes on inside .venv."""

from __future__ import annotations

import os
import sys

from augmented.launcher import frontend, install
from augmented.launcher.places import PYTHON, ROOT, VENV
from augmented.launcher.progress import LaunchError, say

# command → (needs the development packages, needs the built front end)
COMMANDS = {
    "run": (False, True),
    "test": (True, True),
    "faults": (True, True),
    "bench": (True, False),
    "with-servers": (True, False),
    "install": (True, True),
}


def main(arguments: list[str]) -> int:
    """The exit code: the command's, 1 for a launch that failed (with the reason), 2 for an unknown command."""
    command, rest = (arguments[0] if arguments else ""), arguments[1:]
    if command not in COMMANDS:
        say(f"usage: python3 -m augmented.launcher {'|'.join(COMMANDS)}")
        return 2
    os.chdir(ROOT)
    try:
        if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
            _equip(command)
            os.execv(PYTHON, [str(PYTHON), "-m", "augmented.launcher", command, *rest])
        return _inside(command, rest)
    except LaunchError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _equip(command: str) -> None:
    """Outside of .venv: make it, fill it, build what the command needs."""
    if command == "run":
        from augmented.launcher.run import check_before_installing

        check_before_installing()
    development, bundle = COMMANDS[command]
    install.install(development=development)
    if bundle:
        frontend.build()


def _inside(command: str, rest: list[str]) -> int:
    """The command itself, with everything installed."""
    if command == "install":
        return 0
    if command == "run":
        from augmented.launcher.run import run

        run()
        return 0
    from augmented.launcher import suite

    return suite.COMMANDS[command](rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
