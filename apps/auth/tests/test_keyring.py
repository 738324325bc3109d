"""Secrets at rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.auth import keyring

SECRET = b"a secret that must not be seen"


def test_a_sealed_value_opens_again_and_shows_nothing(settings) -> None:
    sealed = keyring.seal(SECRET, purpose="test", context="row 1")
    assert SECRET not in sealed.data
    assert keyring.unseal(sealed, purpose="test", context="row 1") == SECRET
    assert keyring.seal(SECRET, purpose="test", context="row 1").data != sealed.data


@pytest.mark.parametrize("changed", [{"purpose": "other"}, {"context": "row 2"}])
def test_it_does_not_open_elsewhere(changed: dict[str, str]) -> None:
    sealed = keyring.seal(SECRET, purpose="test", context="row 1")
    with pytest.raises(keyring.SealBroken):
        keyring.unseal(sealed, **({"purpose": "test", "context": "row 1"} | changed))


def test_it_does_not_open_when_altered() -> None:
    sealed = keyring.seal(SECRET, purpose="test", context="row 1")
    for data in (sealed.data[:-1], b"", sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])):
        with pytest.raises(keyring.SealBroken):
            keyring.unseal(replace(sealed, data=data), purpose="test", context="row 1")


def test_the_first_key_seals_and_older_ones_still_open(settings) -> None:
    settings.KEY_RING = {"old": "o" * 32}
    sealed = keyring.seal(SECRET, purpose="test", context="x")
    settings.KEY_RING = {"new": "n" * 32, "old": "o" * 32}
    assert keyring.unseal(sealed, purpose="test", context="x") == SECRET
    assert keyring.seal(SECRET, purpose="test", context="x").key_id == "new"
    settings.KEY_RING = {"new": "n" * 32}
    with pytest.raises(keyring.SealBroken, match="old"):
        keyring.unseal(sealed, purpose="test", context="x")
