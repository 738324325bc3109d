"""`python3 -m augmented.launcher run|test|bench|faults|shell`. Starts with any Python ≥ 3.11; goes on inside .venv."""

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
    "install": (True, True),
    "with-servers": (True, False),
}


def main(arguments: list[str]) -> int:
    """The exit code. 2 for an unknown command."""
    command, rest = (arguments[0] if arguments else ""), arguments[1:]
    if command not in COMMANDS:
        say(f"usage: python3 -m augmented.launcher {'|'.join(COMMANDS)}")
        return 2
    development, bundle = COMMANDS[command]
    os.chdir(ROOT)
    try:
        if sys.prefix != str(VENV):
            install.install(development=development)
            if bundle:
                frontend.build()
            os.execv(PYTHON, [str(PYTHON), "-m", "augmented.launcher", command, *rest])
        return _inside(command, rest)
    except LaunchError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


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
