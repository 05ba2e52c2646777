"""How an identity becomes storage keys: one class for each way that a store gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys
from nacelle.credentials.policy import make_session_policy
from nacelle.credentials.sts import AUDIENCE, StaticKeys, StoreLost, Sts, signer
from nacelle.storage.slug import slug

# AWS's and Ceph's shortest life of keys, in seconds.
SHORTEST_LIFE = 900
# The embedded store has no roles; the protocol wants a name all the same.
NO_ROLE = "arn:aws:iam::000000000000:role/nacelle"


class Exchange(Protocol):
    """Gives keys for an identity; safe to share between threads."""

    def keys(self, identity: Identity, life: int) -> Keys:
        """Keys that live about `life` seconds. Raises KeysUnavailable, KeysRefused, SlugError."""


class EmbeddedExchange:
    """The platform's own store: it knows the rule for buckets, so the web token says all."""

    def __init__(self, issuer: Issuer, sts: Sts) -> None:
        self._issuer = issuer
        self._sts = sts

    def keys(self, identity: Identity, life: int) -> Keys:
        return self._exchange(identity, _session(identity, NO_ROLE, life))

    def _exchange(self, identity: Identity, fields: Mapping[str, str]) -> Keys:
        try:
            return self._once(identity, fields)
        except StoreLost:
            # A connection kept open may just have been closed. A web token is good once.
            return self._once(identity, fields)

    def _once(self, identity: Identity, fields: Mapping[str, str]) -> Keys:
        token = self._issuer.sign(identity, AUDIENCE)
        return self._sts.ask("AssumeRoleWithWebIdentity", {**fields, "WebIdentityToken": token})


class WebIdentityExchange(EmbeddedExchange):
    """An office's store that trusts the broker as an OpenID issuer and lets it assume a role."""

    def __init__(self, issuer: Issuer, sts: Sts, role: str) -> None:
        super().__init__(issuer, sts)
        self._role = role

    def keys(self, identity: Identity, life: int) -> Keys:
        return self._exchange(identity, _with_policy(identity, self._role, life))


class AssumeRoleExchange:
    """An office's store that knows the broker by keys of its own and lets it assume a role."""

    def __init__(self, sts: Sts, role: str, keys: StaticKeys, region: str) -> None:
        self._sts = sts
        self._role = role
        self._sign = signer(keys, region)

    def keys(self, identity: Identity, life: int) -> Keys:
        fields = _with_policy(identity, self._role, life)
        try:
            return self._sts.ask("AssumeRole", fields, self._sign)
        except StoreLost:
            return self._sts.ask("AssumeRole", fields, self._sign)


def _with_policy(identity: Identity, role: str, life: int) -> dict[str, str]:
    fields = _session(identity, role, max(life, SHORTEST_LIFE))
    return {**fields, "Policy": make_session_policy(identity, role)}


def _session(identity: Identity, role: str, life: int) -> dict[str, str]:
    # What the store's own log shows: signs that AWS allows there, two at least and 64 at most.
    name = slug(identity.name)[:60].ljust(2, "-")
    return {"RoleArn": role, "RoleSessionName": name, "DurationSeconds": str(life)}
