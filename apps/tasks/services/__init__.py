"""Every write of the tasks app, one verb each."""

from .bulk import bulk
from .decisions import cancel, complete, reopen
from .definitions import TASKS, archive_definition, publish_definition, save_definition
from .discussion import attach, comment, remove_attachment
from .holding import assign, claim, release, save_draft
from .running import run_task

__all__ = [
    "TASKS",
    "archive_definition",
    "assign",
    "attach",
    "bulk",
    "cancel",
    "claim",
    "comment",
    "complete",
    "publish_definition",
    "release",
    "remove_attachment",
    "reopen",
    "run_task",
    "save_definition",
    "save_draft",
]
