"""``manage.py rotate_signing_key``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.auth.services import rotate_signing_key


class Command(BaseCommand):
    help = "Retires the key that signs tokens and makes a new one. Tokens already issued stay valid until they expire."

    def handle(self, *args: Any, **options: Any) -> None:
        signer = rotate_signing_key(actor=None)
        self.stdout.write(f"Tokens are now signed with {signer.kid}")
