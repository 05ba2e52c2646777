"""The numbered cases of nacelle.jobs.addresses, a test each."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from nacelle.jobs.addresses import address_refused, webhook_url
from nacelle.jobs.refusal import Refused


def refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        webhook_url(url)
    assert caught.value.field == "notify.webhook"


def test_case_1_https_and_http_with_a_host() -> None:
    for good in ("https://chat.example.org/hooks/a?b=c", "http://93.184.215.14:8080/x"):
        assert webhook_url(good) == good
    for bad in (
        "",
        "chat.example.org",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "https://user:word@example.org/",
        "https://example.org@127.0.0.1/",
        "https://example.org:port/",
        "https://example.org/\r\nHost: x",
        "https://exa mple.org/",
        "https://éxample.org/",
        "https://exa_mple$.org/",
        "https://[::1/",
        "https://example.org/" + "x" * 3000,
    ):
        refused(bad)


INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("address", INSIDE)
def test_case_2_this_machine_and_its_link(address: str) -> None:
    refused(f"http://{f'[{address}]' if ':' in address else address}/")
    assert address_refused(ip_address(address), [ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.mark.parametrize("address", ["168.63.129.16", "100.100.100.200", "fd00:ec2::254"])
def test_case_3_insides_of_clouds(address: str) -> None:
    refused(f"http://{f'[{address}]' if ':' in address else address}/")
    assert address_refused(ip_address(address), [ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "1.2.3", "127.0.0.1."]
)
def test_case_4_numbers_that_become_addresses(host: str) -> None:
    refused(f"http://{host}/")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "x.localhost",
        "hub",
        "metadata.google.internal",
        "jobs.nacelle.svc",
        "jobs.nacelle.svc.cluster.local",
    ],
)
def test_case_5_names_of_insides(host: str) -> None:
    refused(f"http://{host}/")


def test_case_6_private_networks() -> None:
    office = [ip_network("10.1.0.0/16")]
    assert webhook_url("http://10.1.2.3/hook")
    assert address_refused(ip_address("10.1.2.3"), office) is None
    assert address_refused(ip_address("::ffff:10.1.2.3"), office) is None
    for address in ("10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "fd12::1"):
        said = address_refused(ip_address(address))
        assert said is not None
        assert "administrator" in said.en
    assert address_refused(ip_address("10.2.0.1"), office)
    assert address_refused(ip_address("93.184.215.14")) is None
    assert address_refused(ip_address("2606:2800:21f::1")) is None
