"""`manage.py prepare`: bring the data to where this version of the program expects it. Safe to repeat, at every start."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from apps.events.services.partitions import make_ahead

# One at a time over all machines that start at once; any number will do that nothing else uses.
LOCK = 7_201_011


class Command(BaseCommand):
    help = (
        "Migrate; with --examples also create the demo cast (development only) and apply the definitions in examples/."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--examples", metavar="URL", help="where the outside services of the examples listen")

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            # Migrations may rewrite a big table: the limits are for requests and steps, not for this session.
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            try:
                self._step("Tables", lambda: call_command("migrate", interactive=False, verbosity=0))
                self._step("Weeks of the event store", lambda: make_ahead(timezone.now()))
                if options["examples"]:
                    self._examples(options["examples"])
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])

    def _examples(self, services: str) -> None:
        if settings.AUGMENTED_MODE != "development":
            raise CommandError("The demo cast, with its well-known password, exists in development mode only.")
        self._step("Demo cast", lambda: call_command("create_demo_cast", stdout=StringIO()))
        apply = ["definitions", "apply", str(settings.BASE_DIR / "examples"), "--set", f"exampleServices={services}"]
        try:
            self._step("Examples", lambda: call_command(*apply, stdout=StringIO()))
        except CommandError as error:
            # A published version never changes: a copy that holds an older one keeps it, and works on.
            self.stdout.write(f"  Examples: kept as they are here. {error}")

    def _step(self, label: str, action: Callable[[], object]) -> None:
        began = time.monotonic()
        action()
        self.stdout.write(f"  {label}: done, {time.monotonic() - began:.1f} s")
        self.stdout.flush()
