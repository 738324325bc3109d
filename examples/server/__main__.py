"""`python -m examples.server [--host 127.0.0.1] [--port 8900]`: serve until SIGTERM or Ctrl-C, then exit with 0."""

from __future__ import annotations

import argparse
import errno
import sys

from aiohttp import web

from examples.server.app import create_app


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 0 after a normal stop, 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m examples.server", description="Outside services of the examples.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="port to listen on (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        # aiohttp turns SIGTERM and SIGINT into a graceful stop: open requests get two seconds to finish.
        web.run_app(create_app(), host=options.host, port=options.port, shutdown_timeout=2.0, access_log=None)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"Port {options.port} on {options.host} is taken: choose another with --port.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
