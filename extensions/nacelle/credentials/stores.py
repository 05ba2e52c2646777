"""The store that the settings name, as the broker needs it."""

from __future__ import annotations

from dataclasses import dataclass

from nacelle.credentials.buckets import Access, Buckets
from nacelle.credentials.exchange import (
    AssumeRoleExchange,
    EmbeddedExchange,
    Exchange,
    WebIdentityExchange,
)
from nacelle.credentials.issuer import Issuer
from nacelle.credentials.sts import StaticKeys, Sts
from nacelle.layout import Layout
from nacelle.secrets import read_secret
from nacelle.settings import SettingsError

ACCESS_SECRET, SECRET_SECRET = "store.access", "store.secret"


@dataclass(frozen=True)
class Store:
    """Where it is, how keys are had, and who makes buckets that are missing."""

    access: Access
    exchange: Exchange
    buckets: Buckets | None


def issuer_url(layout: Layout) -> str:
    """The broker's name as an OpenID issuer: the address at which its store asks for its keys."""
    store = layout.settings.store
    return (store.kind == "external" and store.issuer_url) or layout.broker_url


def make_store(layout: Layout, issuer: Issuer) -> Store:
    """The store of `layout.settings`. Raises SettingsError with what is missing."""
    if layout.settings.store.kind == "external":
        return _external(layout, issuer)
    verify: str | bool = str(layout.ca_file) if layout.settings.store.tls else True
    access = Access(layout.address("store"), layout.settings.store.region, verify)
    return Store(
        access, EmbeddedExchange(issuer, Sts(access.endpoint, access.verify)), Buckets(access)
    )


def _external(layout: Layout, issuer: Issuer) -> Store:
    store = layout.settings.store
    assert store.url is not None, "the settings ask for it"
    access = Access(store.url, store.region, store.ca_file or True, outside=True)
    sts = Sts(store.sts_url or store.url, access.verify, outside=True)
    exchange: Exchange
    if store.exchange == "web-identity":
        exchange = WebIdentityExchange(issuer, sts, store.role)
    else:
        exchange = AssumeRoleExchange(sts, store.role, _static_keys(layout), store.region)
    return Store(access, exchange, Buckets(access) if store.make_buckets else None)


def _static_keys(layout: Layout) -> StaticKeys:
    try:
        return StaticKeys(read_secret(layout, ACCESS_SECRET), read_secret(layout, SECRET_SECRET))
    except FileNotFoundError as missing:
        raise SettingsError(
            f"{missing.filename} is missing: with store.exchange assume-role, the keys that the"
            f" store gave the broker stand in {ACCESS_SECRET} and {SECRET_SECRET} of"
            f" {layout.secrets}"
        ) from None
