"""Storage keys: their one type, their wire form, and the rule by which they renew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)

# A key that dies in less than this many seconds is not handed out: a call signed now must arrive.
MARGIN = 5


class KeysUnavailable(Exception):
    """No valid storage keys can be had now; the message says why and what to do."""


class KeysRefused(KeysUnavailable):
    """Somebody may not have keys; asking again does not help."""


@dataclass(frozen=True)
class Keys:
    """Temporary S3 keys. `issued` and `expires` are aware datetimes in UTC."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)
    issued: datetime
    expires: datetime

    def to_wire(self) -> dict[str, str]:
        """The JSON object of the AWS container credentials protocol."""
        return {
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret_key,
            "Token": self.session_token,
            "Expiration": self.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "LastUpdated": self.issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    @classmethod
    def from_wire(cls, body: dict[str, Any]) -> Keys:
        """Inverse of `to_wire`. Raises KeyError or ValueError on anything else."""
        return cls(
            access_key=body["AccessKeyId"],
            secret_key=body["SecretAccessKey"],
            session_token=body["Token"],
            issued=datetime.fromisoformat(body["LastUpdated"]),
            expires=datetime.fromisoformat(body["Expiration"]),
        )

    def to_env(self) -> dict[str, str]:
        """The environment names that code written for the SSP Cloud reads."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


class RenewingKeys:
    """Keys that are fetched again once half of their life is over; safe to call from any thread."""

    def __init__(self, fetch: Callable[[], Keys]) -> None:
        self._fetch = fetch
        self._keys: Keys | None = None
        self._lock = threading.Lock()

    def current(self) -> Keys:
        """Keys that are valid now. Raises KeysUnavailable when there are none to be had."""
        with self._lock:
            now = datetime.now(UTC)
            if self._keys is None or now >= half_life(self._keys):
                self._keys = self._renew(now)
            return self._keys

    def _renew(self, now: datetime) -> Keys:
        try:
            return self._fetch()
        except KeysUnavailable as error:
            if self._keys is None or (self._keys.expires - now).total_seconds() < MARGIN:
                raise
            # The hub or the store may be restarting; the keys in hand are still good.
            log.warning("keys not renewed yet: %s", error)
            return self._keys


def half_life(keys: Keys) -> datetime:
    """The moment from which keys are renewed."""
    return keys.issued + (keys.expires - keys.issued) / 2
