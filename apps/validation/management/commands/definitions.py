"""``manage.py definitions validate|diff|apply|convert|export PATH``: definition bundles from the shell."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.auth.models import User
from apps.validation.definitions import bundles, conversion
from apps.validation.definitions.bundles import Document
from apps.validation.definitions.conversion import Result, Source
from apps.validation.definitions.kinds import known_kinds
from apps.validation.definitions.live import live_kinds
from apps.validation.dialects import convert
from apps.validation.problems import Problem
from apps.validation.schemas.renames import shown
from apps.validation.violations import Violation, has_errors


class Command(BaseCommand):
    help = "Check, compare, apply, convert or write bundles of definitions (a file, or a folder of files)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["validate", "diff", "apply", "convert", "export"])
        parser.add_argument("path", type=Path)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a value for {{NAME}}")
        parser.add_argument("--as", dest="username", default="admin", help="who does it (default: %(default)s)")
        parser.add_argument("--draft", action="store_true", help="apply without publishing")
        parser.add_argument("--convert", action="store_true", help="validate or apply documents of other dialects")
        parser.add_argument("--out", type=Path, metavar="DIR", help="convert: write the converted files there")
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
            if verb == "convert":
                self._convert(path, values, actor, options["out"])
                return
            documents = self._converted(path, values) if options["convert"] else bundles.read(path, values)
            if verb == "validate":
                self._report(bundles.check(documents, actor=actor), documents)
                self.stdout.write(f"{len(documents)} definitions are valid.")
                return
            if verb == "diff":
                for document, version, messages in bundles.differences(documents):
                    against = f" against {version}" if version else ""
                    self.stdout.write(f"{document.source}{against}")
                    for message in messages or ["Nothing differs."]:
                        self.stdout.write(f"  {message}")
                return
            for each in bundles.apply(documents, actor=actor, publish=not draft):
                self.stdout.write(f"{each.done:<10} {each.kind} {each.key} {each.version}")
        except Problem as error:
            found = error.violations or [Violation(error.code, error.detail)]
            self._report(found, [] if options["convert"] or verb == "convert" else _marked(path))

    def _convert(self, path: Path, values: dict[str, str], actor: User, out: Path | None) -> None:
        """Show what each document becomes; with `out`, write those that can be applied as they are now."""
        sources = _sources(path)
        results = conversion.convert_all([conversion.filled(each, values) for each in sources], actor=actor)
        for result in results:
            self._show(result)
        if out is not None:
            self._write(sources, results, out)
        wrong = sum(not result.valid for result in results)
        if wrong:
            raise CommandError(f"{wrong} of {len(results)} documents need a change by hand.")

    def _show(self, result: Result) -> None:
        title = f"{result.kind} {result.key}".strip() or "not a definition"
        self.stdout.write(f"{result.name}: {title}")
        for change in result.changes:
            self.stdout.write(f"  {change.pointer or '/'}: {shown(change.before)} → {shown(change.after)}")
            self.stdout.write(f"    {change.message}")
        if not result.changes and result.valid:
            self.stdout.write("  nothing to convert")
        self._findings(result.violations, "  ")

    def _write(self, sources: Sequence[Source], results: Sequence[Result], out: Path) -> None:
        """Placeholders stay in what is written: their values differ from place to place."""
        out.mkdir(parents=True, exist_ok=True)
        taken: set[str] = set()
        for source, result in zip(sources, results, strict=True):
            if not (result.valid and result.key):
                continue
            name = "".join(character if character.isalnum() or character in "._-" else "_" for character in result.key)
            stem, number = f"{result.kind}.{name}", 2
            while stem in taken:
                stem, number = f"{result.kind}.{name}-{number}", number + 1
            taken.add(stem)
            file = out / f"{stem}.json"
            file.write_text(json.dumps(convert(source.content).document, indent=2, ensure_ascii=False) + "\n")
            self.stdout.write(f"wrote {file}")

    def _converted(self, path: Path, values: dict[str, str]) -> list[Document]:
        """The documents in our language; refused with every open question while there is one."""
        documents, open_questions = [], []
        for source in _sources(path):
            done = convert(source.content)
            if done.changes:
                self.stdout.write(f"converted  {done.kind} {source.name}: {len(done.changes)} changes")
            open_questions += [
                Violation(each.code, f"{source.name}: {each.message}", each.pointer, each.severity, each.hint)
                for each in done.violations
            ]
            if isinstance(done.document, dict):
                documents.append(Document(source.name, bundles.filled(done.document, values, source.name)))
        if has_errors(open_questions):
            self._report(open_questions, [])
        self._findings(open_questions, "")
        return documents

    def _report(self, violations: list[Violation], documents: Sequence[Document]) -> None:
        if not violations:
            return
        self._findings(violations, "")
        mendable = sum(bool(convert(document.content).changes) for document in documents)
        more = f" In {mendable} of the documents --convert would change something." if mendable else ""
        raise CommandError(f"{len(violations)} problems; nothing was changed.{more}")

    def _findings(self, violations: Sequence[Violation], indent: str) -> None:
        for each in violations:
            hint = f"\n{indent}    {each.hint}" if each.hint else ""
            place = (each.pointer or "/") + (f" column {each.column}" if each.column else "")
            self.stderr.write(f"{indent}{each.severity} {each.code} {place}\n{indent}    {each.message}{hint}")


def _sources(path: Path) -> list[Source]:
    """Every document of the path; in a folder, files that neither say nor show what they are are passed over."""
    return [
        Source(name, content)
        for name, content in bundles.contents(path)
        if not path.is_dir() or (isinstance(content, dict) and ("kind" in content or convert(content).kind))
    ]


def _marked(path: Path) -> list[Document]:
    try:
        return [
            Document(name, each) for name, each in bundles.contents(path) if isinstance(each, dict) and "kind" in each
        ]
    except Problem:
        return []


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"--set takes NAME=VALUE, not {text!r}.")
    return name, value
