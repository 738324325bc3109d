"""Runs the benchmarks beside the servers that DATABASE_URL and REDIS_URL name; `make bench` provides them.

python -m benchmarks [--quick] [--only timers | events]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: does it run, not how fast")
    parser.add_argument("--only", choices=["timers", "events"], help="nothing but these")
    arguments = parser.parse_args()
    port = _free_port()
    os.environ.setdefault("AUGMENTED_MODE", "production")
    os.environ.setdefault("SECRET_KEY", "only for this benchmark, whose data is thrown away at its end")
    os.environ.setdefault("AUGMENTED_KEY_RING", "bench:only for this benchmark whose data is thrown away")
    os.environ.setdefault("ALLOWED_HOSTS", "localhost")
    os.environ["AUGMENTED_EGRESS_ALLOW"] = f"127.0.0.1:{port}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "augmented.settings")
    os.environ.setdefault("AUGMENTED_SSL_REDIRECT", "false")
    import django

    django.setup()
    from benchmarks.suite import ONLY, run

    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.quiet_server", str(port), "20"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        result: dict[str, Any] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        }
        began = time.monotonic()
        if arguments.only:
            result |= ONLY[arguments.only](quick=arguments.quick)
        else:
            result |= run(f"http://127.0.0.1:{port}", quick=arguments.quick)
        result["seconds"] = round(time.monotonic() - began)
    finally:
        server.terminate()
        server.wait()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nWritten to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
