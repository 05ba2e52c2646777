"""Which addresses a webhook may have: none of this machine, none of a cloud's insides.

A name can be made to lead anywhere after it was checked, so there are two checks: `webhook_url`
when a job is made, and `address_refused` for each address that the name led to, on the very
connection that is used. The cases, a test each in tests/jobs/test_addresses.py:

1. https and http only, with a host, without user and password.
2. Loopback, link-local (where clouds answer with keys), unspecified, multicast and reserved
   addresses are refused, in IPv4, in IPv6, and as IPv4 within IPv6.
3. Addresses of clouds' insides that are none of these (Azure, Alibaba, AWS in IPv6) are refused.
4. Numbers that some resolvers read as an address (2130706433, 0x7f.1, 127.1) are refused.
5. Names of this machine and of the inside of a cloud or cluster, and bare names without a dot, are
   refused.
6. Private networks are refused but those that the settings name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from nacelle.jobs.refusal import Refused
from nacelle.language import Said

Network = IPv4Network | IPv6Network

_LONGEST_URL = 2048
_INSIDES = frozenset(
    ip_address(text) for text in ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")
)
_INSIDE = re.compile(
    r"(.*\.)?(localhost|localdomain|svc|cluster\.local|metadata\.google\.internal)"
)
# IPv4 within IPv6 that the library does not unpack itself: NAT64 (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")
_PLAIN_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*\.?")


def webhook_url(url: str) -> str:
    """A webhook's address, as far as it can be judged without asking for its name. Or Refused."""
    if len(url) > _LONGEST_URL or not url.isprintable() or not url.isascii() or " " in url:
        raise _refused("it has signs that no address has", "elle contient des signes interdits")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _refused("it cannot be read", "elle est illisible") from None
    if parts.scheme not in ("https", "http") or not host:
        raise _refused("it does not start with https://", "elle ne commence pas par https://")
    if "@" in parts.netloc:
        raise _refused(
            "a user or password stands in it; leave them out",
            "elle contient un nom ou un mot de passe ; enlevez-les",
        )
    if address := _address(host):
        # Private ones are judged when it is used, by the settings of that moment.
        if _never(address):
            raise _refused(*_of_insides(address))
        return url
    labels = host.rstrip(".").split(".")
    if not _PLAIN_HOST.fullmatch(host) or re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise _refused("its host is no name", "son hôte n'est pas un nom")
    if len(labels) == 1 or _INSIDE.fullmatch(".".join(labels)):
        raise _refused(*_of_insides(host))
    return url


def address_refused(
    address: IPv4Address | IPv6Address, allowed: Sequence[Network] = ()
) -> Said | None:
    """Why nothing is sent to `address`, or None. `allowed` are private networks to let through."""
    if _never(address):
        return Said(*_of_insides(address))
    inner = _unpacked(address)
    if inner.is_global or any(inner in network for network in allowed):
        return None
    return Said(
        f"{address} is of a private network; an administrator can allow that network",
        f"{address} est d'un réseau privé ; un administrateur peut autoriser ce réseau",
    )


def _never(address: IPv4Address | IPv6Address) -> bool:
    inner = _unpacked(address)
    return (
        inner.is_loopback
        or inner.is_link_local
        or inner.is_unspecified
        or inner.is_multicast
        or inner.is_reserved
        or inner in _INSIDES
        # All of 0.0.0.0/8 leads to this machine.
        or (isinstance(inner, IPv4Address) and inner.packed[0] == 0)
    )


def _of_insides(place: object) -> tuple[str, str]:
    return (
        f"{place} is of this machine or of the platform's inside",
        f"{place} est de cette machine ou de l'intérieur de la plateforme",
    )


def _unpacked(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refused(en: str, fr: str) -> Refused:
    return Refused(
        "notify.webhook",
        f"This webhook cannot be used: {en}. Write a public address such as"
        " https://chat.example.org/hooks/abc.",
        f"Ce webhook ne peut pas servir : {fr}. Écrivez une adresse publique comme"
        " https://chat.example.org/hooks/abc.",
    )
