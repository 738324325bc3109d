"""/hooks/{path}: where other systems call. No session, no account; the webhook says what proves the sender."""

from __future__ import annotations

import re
from typing import IO, Any, cast

from django.conf import settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.auth.origin import client_address
from apps.integrations import rate
from apps.integrations.services.reception import receive
from apps.integrations.webhooks.delivery import Delivery
from apps.validation.api.parsers import read_body
from apps.validation.problems import NotFound

_PATH = re.compile(r"[a-z0-9_/-]{1,200}")


class Hook(APIView):
    """One address for all: what is not there, what is switched off and what never was look alike."""

    authentication_classes = []
    permission_classes = [AllowAny]
    schema = None  # who calls has the address from the webhook's page, with an example

    def post(self, request: Request, path: str) -> Response:
        return self._take(request, path)

    def put(self, request: Request, path: str) -> Response:
        return self._take(request, path)

    def _take(self, request: Request, path: str) -> Response:
        plain = request._request
        path, address = path.strip("/"), client_address(plain)
        rate.require(f"hook:{address}:{path}", limit=settings.AUGMENTED_WEBHOOK_RATE)
        if not _PATH.fullmatch(path):
            raise NotFound("There is nothing at this address.")
        # Read once, as it came: the signature is over these bytes.
        body = read_body(cast("IO[Any]", plain), plain.headers.get("Content-Length", ""), settings.AUGMENTED_MAX_BODY)
        headers = {name.lower(): value for name, value in plain.headers.items()}
        answer = receive(Delivery(path, headers, body, address, str(getattr(plain, "trace_id", ""))))
        return Response(answer.body, status=answer.status, headers={"Cache-Control": "no-store"})
