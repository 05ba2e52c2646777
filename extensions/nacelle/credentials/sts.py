"""Storage keys from a store's STS: `AssumeRoleWithWebIdentity` with a web token of the broker, or
`AssumeRole` with keys that the store gave the broker.

https://docs.aws.amazon.com/STS/latest/APIReference/
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from nacelle.credentials.keys import Keys, KeysUnavailable

AUDIENCE = "nacelle-store"
_VERSION = "2011-06-15"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_CONNECT_SECONDS, _READ_SECONDS = 3, 10
_CONNECTIONS = 32
_NEEDED = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")

Sign = Callable[[AWSRequest], None]


class StoreLost(KeysUnavailable):
    """The connection to the store broke: it may be restarting."""


@dataclass(frozen=True)
class StaticKeys:
    """Long-lived keys by which an office's store knows the broker."""

    access: str
    secret: str = field(repr=False)


class Sts:
    """One store's STS; safe to share between threads. An SDK's client for it costs three times as
    much for each exchange, hence this one on the SDK's own HTTP session.

    `outside`: the store may be beyond the office's web proxy, which is then heeded.
    """

    def __init__(self, endpoint: str, verify: str | bool = True, outside: bool = False) -> None:
        self._endpoint = endpoint.rstrip("/") + "/"
        self._http = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(self._endpoint) if outside else {},
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            max_pool_connections=_CONNECTIONS,
            # Head and body go in two writes: otherwise the second waits 40 ms for the first.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    def ask(self, action: str, fields: Mapping[str, str], sign: Sign | None = None) -> Keys:
        """Keys for `fields`. Raises KeysUnavailable with the store's reason, StoreLost."""
        body = urlencode({"Action": action, "Version": _VERSION, **fields}).encode()
        request = AWSRequest("POST", self._endpoint, {"Content-Type": _FORM}, body)
        if sign is not None:
            sign(request)
        issued = datetime.now(UTC)
        try:
            answer = self._http.send(request.prepare())
            content, status = answer.content, answer.status_code
        except BotoCoreError as error:
            raise StoreLost(
                f"the store does not answer ({type(error).__name__}); it may be restarting"
            ) from None
        found = _read(content)
        if status != 200:
            reason = found.get("Message") or f"status {status}"
            raise KeysUnavailable(f"the store refused: {reason}")
        if missing := [name for name in _NEEDED if not found.get(name)]:
            raise KeysUnavailable(f"the store's answer holds no {missing[0]}; is it an STS?")
        return Keys(
            access_key=found["AccessKeyId"],
            secret_key=found["SecretAccessKey"],
            session_token=found["SessionToken"],
            issued=issued,
            expires=_moment(found["Expiration"]),
        )


def signer(keys: StaticKeys, region: str) -> Sign:
    """Signs requests with `keys` (AWS Signature Version 4)."""
    holder = Credentials(keys.access, keys.secret)

    def sign(request: AWSRequest) -> None:
        SigV4Auth(holder, "sts", region).add_auth(request)

    return sign


def _read(content: bytes) -> dict[str, str]:
    """Texts of the answer by the names of their elements, whatever namespace a store writes."""
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return {}
    return {one.tag.rpartition("}")[2]: one.text or "" for one in root.iter()}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise KeysUnavailable("the store's keys say no end that can be read") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
