"""Patterns of the allow-list."""

from __future__ import annotations

import ipaddress

import pytest

from apps.integrations.egress import compile_allow


def test_names_match_whole_or_below_a_star() -> None:
    allow = compile_allow(("orders.internal", "*.svc.local:8080"))
    assert allow.admits_name("orders.internal", 80)
    assert not allow.admits_name("evil-orders.internal", 80)
    assert not allow.admits_name("orders.internal.evil.com", 80)
    assert allow.admits_name("a.b.svc.local", 8080)
    assert not allow.admits_name("a.svc.local", 80)
    assert not allow.admits_name("svc.local", 8080)
    assert not allow.admits_name("evilsvc.local", 8080)


def test_addresses_and_networks_match_by_value() -> None:
    allow = compile_allow(("10.0.0.0/8", "[fd00::1]:8080", "127.0.0.1:9000"))
    assert allow.admits_address(ipaddress.ip_address("10.9.8.7"), 1)
    assert allow.admits_address(ipaddress.ip_address("fd00::1"), 8080)
    assert not allow.admits_address(ipaddress.ip_address("fd00::1"), 80)
    assert not allow.admits_address(ipaddress.ip_address("127.0.0.1"), 9001)
    assert not allow.admits_address(ipaddress.ip_address("11.0.0.1"), 1)


@pytest.mark.parametrize("pattern", ["", "*", "*.", "http://a", "a:b", "a:0", "a:70000", "a/b", "10.0.0.0/33", "a..b"])
def test_a_pattern_that_means_nothing_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError):
        compile_allow((pattern,))
