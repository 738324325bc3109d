"""Running Postgres as somebody else: it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

from augmented.launcher.progress import LaunchError

UNPRIVILEGED = "nobody"
# Bit numbers of <linux/capability.h>. Reading is enough to get through a closed home; some containers only have the other.
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


def as_unprivileged(command: list[str], *, reaches: tuple[Path, ...]) -> list[str]:
    """`command` unchanged for an ordinary user; for root, the same command as `nobody`.

    `reaches` are the directories that it must get to (its programs, its data): where one lies below a closed home (mode
    700), the command also gets the one capability that lets it through. Raises LaunchError when setpriv (package
    util-linux) is missing. The kernel ends the process (SIGINT) with its parent: changing the user would clear a wish
    made earlier.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LaunchError("Postgres does not run as root, and setpriv is missing. On Debian: apt install util-linux")
    user = pwd.getpwnam(UNPRIVILEGED)
    prefix = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
    if not all(open_to_all(place) for place in reaches):
        capability = _capability()
        prefix += [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
        # Postgres looks for its own programs with access(), which ignores the capabilities of a user other than root
        # unless this bit is set. What is executed keeps the ambient one and nothing else.
        prefix += ["--securebits=+no_setuid_fixup"]
    return [*prefix, "--", *command]


def give_away(directory: Path) -> None:
    """Make an (empty) directory the property of whoever `as_unprivileged` runs as, closed to all others."""
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED)
        os.chown(directory, user.pw_uid, user.pw_gid)
    directory.chmod(0o700)


def open_to_all(directory: Path) -> bool:
    """True when everybody may enter the directory and every one above it."""
    resolved = directory.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in (resolved, *resolved.parents))


def _capability() -> str:
    status = Path("/proc/self/status").read_text()
    bounding = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), 16)
    for name, bit in CAPABILITIES.items():
        if bounding >> bit & 1:
            return name
    raise LaunchError("This root may not read other users' files: put the project outside of a closed home directory.")
