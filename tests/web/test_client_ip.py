"""The client's IP address behind proxies."""

import dataclasses

import pytest
from django.test import RequestFactory

from smartbudget.web import client_ip


def address_of(proxies, monkeypatch, **meta):
    config = dataclasses.replace(client_ip.config, proxy_count=proxies)
    monkeypatch.setattr(client_ip, "config", config)
    return client_ip.client_address(RequestFactory().get("/", **meta))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "6.6.6.6", "192.0.2.1"),
        (1, "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        (2, "6.6.6.6, 203.0.113.5, 10.0.0.1", "203.0.113.5"),
        (2, "203.0.113.5", "203.0.113.5"),
        (1, "", "192.0.2.1"),
        (1, "nonsense", "unknown"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.5", "203.0.113.5"),
    ],
)
def test_the_client_ip_is_the_one_our_proxies_saw(
    monkeypatch, proxies, forwarded, expected
):
    address = address_of(
        proxies, monkeypatch, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded
    )

    assert address == expected
