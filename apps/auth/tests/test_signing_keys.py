"""The keys that sign tokens, and the document that publishes them."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.auth import jwk, selectors, services
from apps.auth.models import AuditEntry, SigningKey
from apps.auth.services.keys import forget_retired_keys
from apps.auth.tests.factories import UserFactory
from apps.auth.tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_the_first_need_makes_a_key_and_later_ones_find_it() -> None:
    assert services.active_signer().kid == services.active_signer().kid
    assert SigningKey.objects.count() == 1


def test_the_private_key_is_not_stored_in_the_clear() -> None:
    signer = services.active_signer()
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM accounts_signingkey k")
        row = cursor.fetchone()[0]
    assert signer.key.private_bytes_raw().hex() not in row
    assert signer.kid in row


def test_a_key_is_named_by_its_thumbprint() -> None:
    # The example of RFC 8037, appendix A.3.
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert jwk.thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert jwk.document("k", public)["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def test_anyone_can_verify_a_token_with_the_published_keys(client: APIClient) -> None:
    user = UserFactory()
    token = services.open_session(user=user).access
    answer = client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    keys = jwt.PyJWKSet.from_dict(answer.json())
    claims = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]],
        algorithms=["EdDSA"],
        audience="augmented-os",
        issuer="augmented-os",
    )
    assert claims["sub"] == str(user.pk)
    assert "d" not in answer.json()["keys"][0], "the private part stays here"


def test_after_a_rotation_old_tokens_stay_valid_and_both_keys_are_published(signed_in, client: APIClient) -> None:
    before = signed_in(UserFactory())
    old, new = services.active_signer(), services.rotate_signing_key(actor=None)
    assert before.get("/api/v1/me").status_code == 200
    assert {key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]} == {old.kid, new.kid}
    assert services.active_signer().kid == new.kid
    assert bytes(SigningKey.objects.get(kid=old.kid).sealed_private_key) == b"", "only its public half is kept"
    assert AuditEntry.objects.filter(action="signing_key.rotated", resource_id=new.kid).exists()


def test_a_forgotten_key_verifies_nothing_any_more(signed_in) -> None:
    before = signed_in(UserFactory())
    services.rotate_signing_key(actor=None)
    assert forget_retired_keys(retired_before=timezone.now() - timedelta(hours=1)) == 0
    assert forget_retired_keys(retired_before=timezone.now()) == 1
    selectors._known_keys.clear()  # as after a minute
    assert before.get("/api/v1/me").status_code == 401


def test_a_key_that_no_longer_opens_is_replaced(settings) -> None:
    lost = services.active_signer()
    settings.KEY_RING = {"new": "n" * 32}
    assert services.active_signer().kid != lost.kid
    assert SigningKey.objects.get(kid=lost.kid).status == "retired"


@pytest.mark.django_db(transaction=True)
def test_processes_that_need_the_first_key_together_make_one() -> None:
    signers = at_once(8, services.active_signer)
    assert len({signer.kid for signer in signers}) == 1  # type: ignore[union-attr]
    assert SigningKey.objects.count() == 1
