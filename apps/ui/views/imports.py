"""Definitions from elsewhere: the page where they are converted, checked and saved."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.ui.views.base import page

# Written in another dialect on purpose: it shows a rename, an expression, an id, and a question.
EXAMPLE: dict[str, Any] = {
    "id": "Expense Claim",
    "name": "Expense claim",
    "version": "1.0",
    "input_schema": {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {"amount": {"type": "number"}, "currency": {"type": "string"}, "note": {"type": "string"}},
    },
    "steps": {
        "check": {
            "type": "choice",
            "rules": [{"when": "amount > 500 || currency !== 'EUR'", "to": "ask manager"}],
            "otherwise": "pay",
        },
        "ask manager": {
            "type": "human-task",
            "assignee_role": "manager",
            "buttons": ["approve", "reject"],
            "transitions": [{"on": "approve", "to": "pay"}, {"on": "default", "to": "refused"}],
            "timeout": 86400,
        },
        "pay": {
            "type": "transform",
            "mapping": {"text": "Paid ${amount} for ${note || 'no reason'}"},
            "nextStep": "done",
        },
        "done": {"type": "end", "result": {"text": "${steps.pay.output.text}"}},
        "refused": {"type": "end", "status": "failed"},
    },
}


@page("design:workflow")
def overview(request: HttpRequest) -> HttpResponse:
    """Paste or drop definitions; see what was converted and what is open; save all or nothing."""
    context = {"props": {"example": EXAMPLE, "limit": settings.AUGMENTED_MAX_BODY}}
    return render(request, "ui/workflows/import.html", context)
