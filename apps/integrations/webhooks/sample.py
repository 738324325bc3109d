"""An example call of a webhook for a shell, with the proof that it asks for; the secret itself stands for whoever has it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from .verification import DEFAULT_HEADERS, DEFAULT_ID_HEADER, header_of, signed_content_of

BODY = '{"id": "1001", "total": 12.5}'


def sample_of(document: Mapping[str, Any], url: str) -> str:
    """The lines. For hmac the signature is computed by openssl."""
    auth = document["auth"]
    lines = [f"BODY={shlex.quote(BODY)}"]
    headers = [f"Content-Type: {_content_type(document)}"]
    if auth["kind"] == "hmac":
        before, more = _signed(auth)
        lines += before
        headers += more
    elif auth["kind"] == "token":
        name = _name(auth)
        headers.append(f"{name}: {'Bearer ' if name.lower() == 'authorization' else ''}$SECRET")
    options = [f"-H {_quoted(each)}" for each in headers]
    if auth["kind"] == "basic":
        options.append(f'-u {shlex.quote(str(auth.get("username", "")))}:"$SECRET"')
    options.append('-d "$BODY"')
    return "\n".join([*lines, " \\\n  ".join([f"curl -X POST {shlex.quote(url)}", *options])])


def _signed(auth: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    content = signed_content_of(auth)
    lines, headers = [], []
    timed = "timestamp" in content
    if timed:
        lines.append("TIME=$(date +%s)")
    if content.startswith("id."):
        lines.append("ID=msg_$TIME")
        headers.append(f"{auth.get('idHeader') or DEFAULT_ID_HEADER}: $ID")
    text = content.replace("id", "$ID").replace("timestamp", "$TIME").replace("body", "$BODY")
    lines.append(
        f'SIGNATURE=$(printf %s "{text}" | openssl dgst -{auth.get("algorithm", "sha256")} -hmac "$SECRET" -hex | '
        "sed 's/^.* //')"
    )
    stamp = str(auth.get("timestampHeader") or "webhook-timestamp")
    if timed and stamp.lower() == header_of(auth):
        return lines, [*headers, f"{_name(auth)}: t=$TIME,v1=$SIGNATURE"]
    if timed:
        headers.append(f"{stamp}: $TIME")
    prefix = "v0=" if content.startswith("v0:") else ""
    return lines, [*headers, f"{_name(auth)}: {prefix}$SIGNATURE"]


def _name(auth: Mapping[str, Any]) -> str:
    return str(auth.get("header") or DEFAULT_HEADERS[auth["kind"]])


def _content_type(document: Mapping[str, Any]) -> str:
    taken = [each for each in document.get("contentTypes") or ("application/json",) if "*" not in each]
    return "application/json" if "application/json" in taken or not taken else str(taken[0])


def _quoted(header: str) -> str:
    return f'"{header}"' if "$" in header else shlex.quote(header)
