"""What people add to a task: comments and files."""

from __future__ import annotations

import re
from uuid import UUID

from django.core.files.base import File
from django.db import transaction

from apps.auth.models import User
from apps.auth.services import record_audit
from apps.tasks import live
from apps.tasks.limits import attachment_types, max_attachment_bytes
from apps.tasks.models import Task, TaskAttachment, TaskComment
from apps.validation.problems import NotFound, PayloadTooLarge, Unprocessable, UnsupportedContent
from apps.validation.violations import Violation

from .locking import locked

MAX_COMMENT = 10_000
MAX_ATTACHMENTS = 50
# The first bytes of what is often disguised; a browser that guesses must not find a page or a program.
_MAGIC = {
    "application/pdf": (b"%PDF-",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
    "application/zip": (b"PK\x03\x04", b"PK\x05\x06"),
}


@transaction.atomic
def comment(*, actor: User, task_id: UUID, text: str) -> TaskComment:
    """Say something about a task, open or closed."""
    text = text.strip()
    if not text or len(text) > MAX_COMMENT or "\x00" in text:
        raise Unprocessable(
            violations=[Violation("comment-length", f"A comment has 1 to {MAX_COMMENT:,} characters.", "/text")]
        )
    task = locked(actor=actor, verb="comment", task_id=task_id)
    row = TaskComment.objects.create(task=task, author=actor, text=text)
    live.changed(task)
    return row


@transaction.atomic
def attach(*, actor: User, task_id: UUID, file: File[bytes], name: str, content_type: str) -> TaskAttachment:
    """Keep a file with an open task. PayloadTooLarge over the cap, UnsupportedContent for a type not listed."""
    size = file.size or 0
    if size > max_attachment_bytes():
        raise PayloadTooLarge(f"A file may have at most {max_attachment_bytes():,} bytes.")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in attachment_types():
        raise UnsupportedContent(f"Files of type {media_type[:100] or 'unknown'} cannot be attached.")
    head = file.read(16)
    file.seek(0)
    if (magic := _MAGIC.get(media_type)) is not None and not head.startswith(magic):
        raise UnsupportedContent(f"The file is not what its type {media_type} says.")
    task = locked(actor=actor, verb="attach", task_id=task_id)
    if task.attachments.count() >= MAX_ATTACHMENTS:
        raise Unprocessable(f"A task can have at most {MAX_ATTACHMENTS} files.")
    row = TaskAttachment(task=task, name=safe_name(name), content_type=media_type, size=size, uploaded_by=actor)
    # Stored under the row's id: what the uploader calls it decides nothing about the path.
    row.file.save(str(row.pk), file, save=False)
    row.save(force_insert=True)
    _record(actor, "attached", task, row)
    return row


@transaction.atomic
def remove_attachment(*, actor: User, task_id: UUID, attachment_id: UUID) -> None:
    """Remove a file from an open task; the stored file goes when the transaction is through."""
    task = locked(actor=actor, verb="attach", task_id=task_id)
    row = task.attachments.filter(pk=attachment_id).first()
    if row is None:
        raise NotFound(f"The task has no file {attachment_id}.")
    storage, path = row.file.storage, str(row.file.name)
    _record(actor, "attachment_removed", task, row)
    row.delete()
    transaction.on_commit(lambda: storage.delete(path))


def safe_name(name: str) -> str:
    """The last part of a path, without control characters, at most 255 long."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = "".join(character for character in last if character.isprintable()).strip(". ")
    return cleaned[-255:] or "file"


def _record(actor: User, what: str, task: Task, row: TaskAttachment) -> None:
    record_audit(
        actor=actor,
        action=f"task.{what}",
        resource="task",
        resource_id=str(task.pk),
        details={"attachment": str(row.pk), "name": row.name, "size": row.size},
    )
    live.changed(task)
