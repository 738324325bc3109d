"""``manage.py definitions validate|apply|export PATH``: definition bundles from the shell."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.auth.models import User
from apps.validation.definitions import bundles
from apps.validation.definitions.kinds import known_kinds
from apps.validation.definitions.live import live_kinds
from apps.validation.problems import Problem
from apps.validation.violations import Violation


class Command(BaseCommand):
    help = "Check, apply or write bundles of definitions (a file, or a folder of files)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["validate", "apply", "export"])
        parser.add_argument("path", type=Path)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a value for {{NAME}}")
        parser.add_argument("--as", dest="username", default="admin", help="who does it (default: %(default)s)")
        parser.add_argument("--draft", action="store_true", help="apply without publishing")
        parser.add_argument("--kind", action="append", help="export only these kinds")

    def handle(self, *args: Any, verb: str, path: Path, username: str, draft: bool, **options: Any) -> None:
        if verb == "export":
            for written in bundles.export(options["kind"] or [*known_kinds(), *live_kinds()], path):
                self.stdout.write(str(written))
            return
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        actor = User.objects.filter(username=username).first()
        if actor is None:
            raise CommandError(f"There is no user {username}.")
        values = dict(_pair(text) for text in options["set"])
        try:
            documents = bundles.read(path, values)
            if verb == "validate":
                self._report(bundles.check(documents, actor=actor))
                self.stdout.write(f"{len(documents)} definitions are valid.")
                return
            for each in bundles.apply(documents, actor=actor, publish=not draft):
                self.stdout.write(f"{each.done:<10} {each.kind} {each.key} {each.version}")
        except Problem as error:
            self._report(error.violations or [Violation(error.code, error.detail)])

    def _report(self, violations: list[Violation]) -> None:
        if not violations:
            return
        for each in violations:
            hint = f"\n    {each.hint}" if each.hint else ""
            self.stderr.write(f"{each.severity} {each.code} {each.pointer or '/'}\n    {each.message}{hint}")
        raise CommandError(f"{len(violations)} problems; nothing was changed.")


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"--set takes NAME=VALUE, not {text!r}.")
    return name, value
