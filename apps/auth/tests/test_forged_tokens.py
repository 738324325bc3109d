"""Tokens that must not get in. Each forgery differs from a good token in one thing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rest_framework.test import APIClient

from apps.auth import services
from apps.auth.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
NOBODY = "0190a0a0-0000-7000-8000-000000000000"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def good(db: None) -> dict[str, Any]:
    """The parts of a genuine access token."""
    token = services.open_session(user=UserFactory(roles=["admin"])).access
    signer = services.active_signer()
    return {
        "token": token,
        "header": jwt.get_unverified_header(token),
        "claims": jwt.decode(token, options={"verify_signature": False}),
        "key": signer.key,
    }


def forge(
    good: dict[str, Any], *, claims: dict[str, Any] | None = None, header: dict[str, Any] | None = None, key: Any = None
) -> str:
    """The good token, signed anew with the real key (unless another is given) after changes; None removes."""
    payload = {k: v for k, v in {**good["claims"], **(claims or {})}.items() if v is not None}
    head = {k: v for k, v in {**good["header"], **(header or {})}.items() if v is not None and k != "alg"}
    return jwt.encode(payload, key or good["key"], algorithm="EdDSA", headers=head)


def status_of(token: str) -> int:
    answer = APIClient().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return answer.status_code


def test_the_good_token_gets_in_and_a_faithful_copy_does(good: dict[str, Any]) -> None:
    assert status_of(good["token"]) == 200
    assert status_of(forge(good)) == 200


def test_a_token_names_everything_it_must(good: dict[str, Any]) -> None:
    assert good["header"].keys() == {"alg", "typ", "kid"}
    assert (good["header"]["alg"], good["header"]["typ"]) == ("EdDSA", "at+jwt")
    assert good["claims"].keys() == {"token_type", "exp", "iat", "jti", "sub", "fam", "iss", "aud"}
    assert good["claims"]["exp"] - good["claims"]["iat"] == 300


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_an_unsigned_token(good: dict[str, Any], alg: str) -> None:
    body = good["token"].split(".")[1]
    assert status_of(f"{b64(json.dumps({**good['header'], 'alg': alg}).encode())}.{body}.") == 401


@pytest.mark.parametrize("form", ["raw", "pem", "x"])
def test_the_public_key_passed_off_as_an_hmac_secret(good: dict[str, Any], form: str) -> None:
    import hashlib
    import hmac

    public = good["key"].public_key()
    secret = {
        "raw": public.public_bytes_raw(),
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "x": b64(public.public_bytes_raw()).encode(),
    }[form]
    signed = f"{b64(json.dumps({**good['header'], 'alg': 'HS256'}).encode())}.{good['token'].split('.')[1]}"
    assert status_of(f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}") == 401


def test_the_servers_secret_key_signs_nothing(good: dict[str, Any], settings) -> None:
    assert (
        status_of(
            jwt.encode(
                good["claims"], settings.SECRET_KEY, algorithm="HS256", headers=good["header"] | {"alg": "HS256"}
            )
        )
        == 401
    )


def test_a_strangers_key_under_our_kid_an_unknown_kid_and_no_kid(good: dict[str, Any]) -> None:
    stranger = Ed25519PrivateKey.generate()
    assert status_of(forge(good, key=stranger)) == 401
    for kid in ("x" * 43, "../../etc/passwd", "' OR 1=1 --", "\x00" * 43, "ü", None, ""):
        assert status_of(forge(good, header={"kid": kid}, key=stranger)) == 401


def test_a_key_sent_along_in_the_header_is_not_believed(good: dict[str, Any]) -> None:
    stranger = Ed25519PrivateKey.generate()
    public = {"kty": "OKP", "crv": "Ed25519", "x": b64(stranger.public_key().public_bytes_raw())}
    assert status_of(forge(good, header={"jwk": public, "jku": "https://evil.example/jwks.json"}, key=stranger)) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else"},
        {"aud": ["augmented-os", "somebody-else"]},
        {"aud": None},
        {"iss": "somebody-else"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"jti": None},
        {"jti": "not an id"},
        {"sub": None},
        {"sub": "admin"},
        {"sub": NOBODY},
        {"fam": None},
        {"fam": NOBODY},
        {"fam": {"a": 1}},
        {"token_type": "refresh"},
        {"token_type": None},
    ],
    ids=lambda claims: "-".join(f"{k}={v}"[:24] for k, v in claims.items()),
)
def test_a_claim_that_is_wrong_or_missing(good: dict[str, Any], claims: dict[str, Any]) -> None:
    assert status_of(forge(good, claims=claims)) == 401


@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "AT+JWT", None])
def test_a_header_of_another_type(good: dict[str, Any], typ: str | None) -> None:
    # PyJWT adds "JWT" where the header names no type.
    assert status_of(forge(good, header={"typ": typ})) == 401


def test_a_refresh_token_is_no_access_token_nor_the_other_way_round() -> None:
    pair = services.open_session(user=UserFactory())
    assert status_of(pair.refresh) == 401
    assert APIClient().post("/api/v1/auth/refresh", {"refresh": pair.access}, format="json").status_code == 401


def test_one_persons_token_does_not_open_anothers_sign_in(good: dict[str, Any]) -> None:
    assert status_of(forge(good, claims={"sub": str(UserFactory().pk)})) == 401


@pytest.mark.parametrize(
    "mangle",
    [
        lambda t: t[:-1] + ("A" if t[-1] != "A" else "B") + "A",
        lambda t: t + ".x",
        lambda t: t.split(".")[0],
        lambda t: "..",
        lambda t: "x" * 5_000,
        lambda t: b64(b"[" * 2_500) + ".e30.AA",
        lambda t: b64(b"\xff\xfe") + ".e30.AA",
        lambda t: b64(b'"text"') + ".e30.AA",
        lambda t: b64(b'{"typ":"at+jwt","kid":{"a":1},"alg":"EdDSA"}') + ".e30.AA",
        lambda t: b64(b'{"typ":"at+jwt","alg":["EdDSA"],"crit":["b64"],"b64":false}') + ".e30.AA",
    ],
)
def test_garbage_is_refused_without_an_error(good: dict[str, Any], mangle: Callable[[str], str]) -> None:
    assert status_of(mangle(good["token"])) == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "bearer", "Basic YTpi", "Token x"])
def test_a_header_that_holds_no_token(header: str) -> None:
    assert APIClient().get("/api/v1/me", headers={"Authorization": header}).status_code == 401
