"""Definitions written elsewhere, in other dialects, brought into the language of `schemas/`.

    conversion = convert({"id": "greet", "steps": [{"id": "a", "type": "end"}]})
    conversion.kind        # "workflow"
    conversion.document    # {"kind": "workflow", "workflowId": "greet", "steps": [{"stepId": "a", "type": "END"}]}
    conversion.changes     # every single thing that was changed, with its place, before and after
    conversion.violations  # what could mean several things, and what cannot be read: nothing is ever guessed

Pure: the same document always gives the same answer, a document that is in our language passes through unchanged, and
nothing is executed or looked up. Whether the converted document fits its schema is for `check_document` to say.
"""

from apps.validation.dialects.convert import convert
from apps.validation.dialects.kinds import looks_like
from apps.validation.dialects.result import Change, Choice, Conversion, OpenChoice

__all__ = ["Change", "Choice", "Conversion", "OpenChoice", "convert", "looks_like"]
