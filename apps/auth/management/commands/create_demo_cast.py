"""``manage.py create_demo_cast``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.auth.services import DEMO_PASSWORD, DemoCastRefused, create_demo_cast


class Command(BaseCommand):
    help = "Creates the demo people admin, alice, bob and charlie. Development mode only; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cast = create_demo_cast()
        except DemoCastRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Demo cast: {', '.join(user.username for user in cast)} (password: {DEMO_PASSWORD})")
