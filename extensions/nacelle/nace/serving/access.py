"""Who asks the classifier, and whether they may: API keys, hub tokens, proofs of the hub's pages.

Scopes: `classify`, and `administer` for administrators of the hub and keys that they gave it to.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn

from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.identity import ProofRefused, read_proof
from nacelle.nace.serving.basic import bearer_of
from nacelle.nace.serving.counters import Counters, Wait
from nacelle.nace.serving.keys import ANONYMOUS_SLOT, PREFIX, ApiKey, KeyStore, KeysUnusable
from nacelle.nace.serving.owners import Owners, Standing
from nacelle.nace.serving.problems import Problem
from nacelle.settings.nace import NaceSettings

AUDIENCE = "nace"
CLASSIFY: Final = "classify"
ADMINISTER: Final = "administer"
Scope = Literal["classify", "administer"]
SCOPES: tuple[Scope, ...] = (CLASSIFY, ADMINISTER)

_KEEPS_AWAY = 5
_REMEMBERED = 10_000
# Without a hub there is nobody to ask about owners.
_TRUSTED = Standing(here=True, admin=True, asked=0)
_SEND_ONE = (
    "Send an API key or a hub token as 'Authorization: Bearer <key or token>',"
    " or a key as 'X-API-Key: <key>'."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `id` is user:<name>, service:<name>, key:<id> or anonymous.

    `slot` is theirs in the counters, `rate` in requests a second, `burst` in requests at once,
    `daily_quota` in texts a UTC day (0: no limit). `owner` is the person whose keys they may make,
    '' for services and the anonymous.
    """

    id: str
    scopes: frozenset[str]
    slot: int
    rate: float
    burst: int
    daily_quota: int
    owner: str = ""


class Refused(Problem):
    """A caller who may not: 401 unknown, 403 not this, 429 too much, 503 cannot be told now."""

    def __init__(
        self, status: int, message: str, retry_after: int | None = None, kind: str = ""
    ) -> None:
        headers = {}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="nace"'
        super().__init__(status, message, kind=kind, headers=headers)
        self.message = message
        self.retry_after = retry_after


class Access:
    """The door of one worker. Without `directory` there is no hub: keys alone, and as they say."""

    def __init__(
        self,
        settings: NaceSettings,
        keys: KeyStore,
        counters: Counters,
        directory: HubDirectory | None,
        proof_secret: str,
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.counters = counters
        self._directory = directory
        self._owners = Owners(directory) if directory else None
        self._secret = proof_secret
        self._bearers: dict[str, tuple[ApiKey, bool, Caller]] = {}
        self._scopes = {False: frozenset({CLASSIFY}), True: frozenset(SCOPES)}

    def known(
        self, authorization: str | None, api_key: str | None, proof: str | None = None
    ) -> Caller | None:
        """Who sent these headers, from memory; None when `identify` has to be awaited.

        Raises Refused. To be called in the worker's event loop.
        """
        authorization = bearer_of(authorization)
        try:
            if proof is not None:
                return self._proved(proof)
            if token := _key_in(authorization, api_key):
                return self._key(token)
            if authorization is None:
                return self._nobody()
            return self._holder(authorization)
        except KeysUnusable:
            raise _keys_away() from None
        except NotAllowed as error:
            _refuse(error)

    async def identify(
        self, authorization: str | None, api_key: str | None, proof: str | None = None
    ) -> Caller:
        """`known`, asking the hub where memory does not say. Raises Refused."""
        authorization = bearer_of(authorization)
        # One round to hear of the hub, one for what was forgotten meanwhile.
        for _ in range(3):
            if caller := self.known(authorization, api_key, proof):
                return caller
            try:
                await self._learn(authorization, api_key, proof)
            except KeysUnusable:
                raise _keys_away() from None
            except NotAllowed as error:
                _refuse(error)
        raise Refused(503, "The hub's answers do not keep; try again.", _KEEPS_AWAY, "no-hub")

    def admit(self, caller: Caller, texts: int) -> None:
        """Count a request of `texts` texts. Raises Refused (429, or 503 when nothing can count)."""
        try:
            wait = self.counters.take(
                caller.slot, texts, caller.rate, caller.burst, caller.daily_quota
            )
        except OSError as error:
            raise _uncounted(error) from None
        if wait is not None:
            raise _too_much(caller, texts, wait)

    def spend(self, caller: Caller, texts: int) -> None:
        """Count the texts of a request that was admitted before they were known. Raises Refused."""
        if not caller.daily_quota:
            return
        try:
            wait = self.counters.spend(caller.slot, texts, caller.daily_quota)
        except OSError as error:
            raise _uncounted(error) from None
        if wait is not None:
            raise _too_much(caller, texts, wait)

    def give_back(self, caller: Caller, texts: int) -> None:
        """Take back what `spend` counted: the texts were not answered."""
        # What cannot be counted now stays counted: there is nobody to tell.
        with suppress(Refused):
            self.spend(caller, -texts)

    async def close(self) -> None:
        """Let go of files and connections."""
        self.keys.close()
        self.counters.close()
        if self._directory is not None:
            await self._directory.close()

    def _nobody(self) -> Caller:
        if not self.settings.anonymous:
            raise Refused(401, _SEND_ONE, kind="unknown-caller")
        # All who send nothing share one allowance: nothing they say of themselves can be believed.
        return self._person("anonymous", False, ANONYMOUS_SLOT, "")

    def _proved(self, proof: str) -> Caller | None:
        try:
            person = read_proof(proof, AUDIENCE, self._secret)
        except ProofRefused:
            raise Refused(
                401, "This proof of identity is not the hub's, or too old.", kind="unknown-caller"
            ) from None
        slot = self.keys.slot(f"user:{person.name}")
        if slot is None:
            return None
        return self._person(f"user:{person.name}", person.admin, slot, person.name)

    def _holder(self, authorization: str) -> Caller | None:
        if self._directory is None:
            raise Refused(401, _SEND_ONE, kind="unknown-caller")
        identity = self._directory.known(authorization)
        slot = self.keys.slot(identity.subject) if identity else None
        if identity is None or slot is None:
            return None
        owner = identity.name if identity.kind == "user" else ""
        return self._person(identity.subject, identity.admin, slot, owner)

    def _key(self, token: str) -> Caller | None:
        key = self.keys.find(token)
        if key is None:
            raise Refused(401, "This API key is not known; copy it whole.", kind="unknown-caller")
        if key.revoked or key.slot is None:
            raise Refused(401, f"This API key was revoked ({key.revoked}).", kind="revoked-key")
        standing = _TRUSTED
        if self._owners is not None:
            known = self._owners.standing(key.owner)
            if known is None:
                return None
            standing = known
        if not standing.here:
            raise Refused(
                401,
                "The owner of this API key has left the platform; use a key of somebody else.",
                kind="revoked-key",
            )
        self.keys.used(key)
        return self._bearer(key, key.slot, standing.admin)

    def _bearer(self, key: ApiKey, slot: int, admin: bool) -> Caller:
        """Whoever holds a key; the same object as long as the key is."""
        made = self._bearers.get(key.id)
        if made is None or made[0] is not key or made[1] != admin:
            if len(self._bearers) > _REMEMBERED:
                self._bearers.clear()
            made = self._bearers[key.id] = (key, admin, _holds(key, slot, admin))
        return made[2]

    async def _learn(
        self, authorization: str | None, api_key: str | None, proof: str | None
    ) -> None:
        """Get what `known` misses: an answer of the hub, or a slot."""
        if proof is not None:
            # One that ends just now is refused when it is read again.
            with suppress(ProofRefused):
                await self._slot(f"user:{read_proof(proof, AUDIENCE, self._secret).name}")
        elif token := _key_in(authorization, api_key):
            key = self.keys.find(token)
            if key is not None and self._owners is not None:
                await self._owners.ask(key.owner)
        elif self._directory is not None:
            identity = await self._directory.identify(authorization)
            await self._slot(identity.subject)

    async def _slot(self, caller: str) -> None:
        if self.keys.slot(caller) is None:
            await asyncio.to_thread(self.keys.allot, caller)

    def _person(self, caller: str, admin: bool, slot: int, owner: str) -> Caller:
        keys = self.settings.keys
        return Caller(
            caller, self._scopes[admin], slot, keys.rate, keys.burst, keys.daily_quota, owner
        )


def open_access(
    settings: NaceSettings, folder: Path, directory: HubDirectory | None, proof_secret: str
) -> Access:
    """The door with its files in `folder`. Raises KeysUnusable or CountersUnusable."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    counters = Counters(folder / "counters.bin")
    keys = KeyStore(folder / "keys.sqlite", counters.clear, counters.slots)
    return Access(settings, keys, counters, directory, proof_secret)


def _key_in(authorization: str | None, api_key: str | None) -> str | None:
    """The API key among the headers, if there is one."""
    if api_key is not None:
        return api_key.strip()
    kind, _, value = (authorization or "").partition(" ")
    value = value.strip()
    if kind.lower() in ("bearer", "token") and value.startswith(PREFIX):
        return value
    return None


def _holds(key: ApiKey, slot: int, admin: bool) -> Caller:
    allowed = key.allowance
    scopes = allowed.scopes if admin else allowed.scopes - {ADMINISTER}
    return Caller(
        f"key:{key.id}",
        scopes,
        slot,
        allowed.rate,
        allowed.burst,
        allowed.daily_quota,
        key.owner,
    )


def _too_much(caller: Caller, texts: int, wait: Wait) -> Refused:
    seconds = max(1, math.ceil(wait.seconds))
    if wait.reason == "rate":
        said = (
            f"{caller.id} may send {caller.rate:g} requests a second, {caller.burst} at once;"
            f" wait {seconds} s, or send several texts in one request."
        )
        return Refused(429, said, seconds, "too-many-requests")
    said = (
        f"{caller.id} may send {caller.daily_quota} texts a day (UTC) and has {wait.left} left;"
        f" this request has {texts}. The count starts again in {seconds} s."
    )
    return Refused(429, said, seconds, "quota-used")


def _uncounted(error: OSError) -> Refused:
    return Refused(
        503, f"Requests cannot be counted now ({error.strerror}).", _KEEPS_AWAY, "no-count"
    )


def _keys_away() -> Refused:
    return Refused(
        503, "API keys cannot be checked now; try again shortly.", _KEEPS_AWAY, "no-keys"
    )


def _refuse(error: NotAllowed) -> NoReturn:
    said = f"{str(error)[0].upper()}{str(error)[1:]}."
    if error.status == 401:
        raise Refused(401, f"{said} {_SEND_ONE}", kind="unknown-caller") from None
    away = error.retry_after or _KEEPS_AWAY
    kind, wait = ("no-hub", away) if error.status == 503 else ("not-allowed", None)
    raise Refused(error.status, said, wait, kind) from None
