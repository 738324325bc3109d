"""Semantic versions: their order as text, and which of them can be saved."""

from __future__ import annotations

import pytest

from apps.validation.definitions.models import Definition, version_key
from apps.validation.schemas import check_document

ORDER = [
    "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-9999999999", "1.0.0-10000000000", "1.0.0-alpha", "1.0.0-alpha.1",
    "1.0.0-alpha.9", "1.0.0-alpha.10", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0",
]  # fmt: skip
LONGEST = ["1.0.0-" + "a" * 40, "1.0.0-" + "1." * 19 + "1", "1.0.0-" + "9" * 40, "1.0.0+" + "a" * 40]


def test_the_text_sorts_as_the_versions_do() -> None:
    assert sorted(ORDER, key=version_key) == ORDER


@pytest.mark.parametrize("version", [*LONGEST, "999999999.999999999.999999999-" + "1." * 16 + "1"])
def test_whatever_the_schema_lets_through_has_room(version: str) -> None:
    document = {"eventId": "a.b", "name": "A", "pattern": "a.b", "version": version}
    assert check_document("event", document) == []
    assert len(version) <= (Definition._meta.get_field("version").max_length or 0)
    assert len(version_key(version)) <= (Definition._meta.get_field("version_key").max_length or 0)


@pytest.mark.parametrize("version", ["1.0.0-" + "a" * 41, "1.0.0+" + "a" * 41, "1.0.0-" + "a" * 30 + "+" + "b" * 40])
def test_a_version_that_is_too_long_is_a_violation_of_its_document(version: str) -> None:
    document = {"eventId": "a.b", "name": "A", "pattern": "a.b", "version": version}
    assert [each.pointer for each in check_document("event", document)] == ["/version"]
