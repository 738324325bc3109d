"""Comments and attachments: rights, sizes, types, names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from apps.auth.tests.factories import Cast
from apps.tasks import services
from apps.tasks.services.discussion import safe_name
from apps.validation.problems import Conflict, NotFound, PayloadTooLarge, Unprocessable, UnsupportedContent

from .factories import ManualTaskFactory

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def attach(cast: Cast, content: bytes = PNG, name: str = "a.png", content_type: str = "image/png", **more: Any) -> Any:
    task = more.pop("task", None) or ManualTaskFactory(assignee=cast.bob)
    return services.attach(
        actor=cast.bob, task_id=task.pk, file=ContentFile(content), name=name, content_type=content_type
    )


def test_whoever_sees_a_task_through_a_team_may_comment(cast: Cast, dora: Any) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    services.comment(actor=dora, task_id=task.pk, text="  Ask finance.  ")
    assert [(comment.author, comment.text) for comment in task.comments.all()] == [(dora, "Ask finance.")]
    with pytest.raises(NotFound):
        services.comment(actor=cast.charlie, task_id=task.pk, text="hello")


@pytest.mark.parametrize("text", ["", "   ", "x" * 10_001, "a\x00b"])
def test_an_empty_or_endless_comment_is_refused(cast: Cast, text: str) -> None:
    with pytest.raises(Unprocessable):
        services.comment(actor=cast.bob, task_id=ManualTaskFactory(assignee=cast.bob).pk, text=text)


def test_a_file_is_kept_under_its_id_whatever_it_is_called(cast: Cast, media: Path) -> None:
    row = attach(cast, name="../../etc/passwd\r\n.png")
    assert row.name == "passwd.png"
    assert row.size == len(PNG)
    stored = Path(row.file.path).resolve()
    assert stored.is_relative_to(media.resolve())
    assert stored.name == str(row.pk)
    assert stored.read_bytes() == PNG


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"<script>", "text/html"), (b"<svg/>", "image/svg+xml"), (b"MZ", "application/x-msdownload"), (b"a", ""),
     (b"<html>", "image/png"), (b"%!PS", "application/pdf")],
)  # fmt: skip
def test_types_that_a_browser_runs_or_that_lie_are_refused(cast: Cast, content: bytes, content_type: str) -> None:
    with pytest.raises(UnsupportedContent):
        attach(cast, content, "x", content_type)


def test_a_file_over_the_cap_is_refused(cast: Cast, settings: Any) -> None:
    settings.AUGMENTED_MAX_ATTACHMENT = 10
    with pytest.raises(PayloadTooLarge):
        attach(cast, b"x" * 11, "a.txt", "text/plain")


def test_a_closed_task_takes_no_files(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    services.complete(actor=cast.bob, task_id=task.pk, action="approve", output={"approved": True})
    with pytest.raises(Conflict):
        attach(cast, task=task)


@pytest.mark.django_db(transaction=True)
def test_a_removed_file_is_gone_after_the_commit(cast: Cast) -> None:
    row = attach(cast)
    services.remove_attachment(actor=cast.bob, task_id=row.task_id, attachment_id=row.pk)
    assert not Path(row.file.path).exists()
    with pytest.raises(NotFound):
        services.remove_attachment(actor=cast.bob, task_id=row.task_id, attachment_id=row.pk)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.pdf", "a.pdf"),
        ("C:\\x\\b.txt", "b.txt"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300, "x" * 255),
        ("a\u202egnp.exe", "agnp.exe"),
    ],
)
def test_names_are_made_harmless(given: str, kept: str) -> None:
    assert safe_name(given) == kept
