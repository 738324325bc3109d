"""``manage.py reseal_secrets``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.auth.services import SecretRefused, reseal_secrets


class Command(BaseCommand):
    help = "Seals every secret anew under the first key of the key ring, so that older keys may be taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = reseal_secrets(actor=None)
        except SecretRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} secrets are sealed with the first key of the ring")
