"""/v1/keys: people make, list and revoke API keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nacelle.credentials.identity import PROOF_HEADER
from nacelle.nace.serving.access import ADMINISTER, CLASSIFY, SCOPES, Access, Caller, Refused, Scope
from nacelle.nace.serving.keys import Allowance, ApiKey, KeyRefused, KeysUnusable
from nacelle.nace.serving.openapi import refusals
from nacelle.nace.serving.problems import Problem
from nacelle.settings.nace import NaceKeys

Found = TypeVar("Found")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


_Caller = Annotated[Caller, Depends(_caller)]

# What SQLite, JSON readers and people can hold.
_LARGEST = 1_000_000_000
# No control characters and no line ends; pydantic itself refuses halves of characters.
_Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=80,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$",
    ),
]


class NewKey(BaseModel):
    """What a new key is for, and what it may ask; what is left out is as the settings have it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "business register"}]}
    )

    name: _Name = Field(description="What uses the key; unique among your live keys.")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = Field(
        default=[CLASSIFY],
        description="`classify`; `administer` from administrators alone.",
    )
    rate: Annotated[float, Field(ge=0.01, le=_LARGEST, allow_inf_nan=False)] | None = Field(
        default=None, description="Requests a second. More than the settings': administrators."
    )
    burst: Annotated[int, Field(ge=1, le=_LARGEST)] | None = Field(
        default=None, description="Requests at once. More than the settings': administrators."
    )
    daily_quota: Annotated[int, Field(ge=0, le=_LARGEST)] | None = Field(
        default=None,
        description="Texts a day (UTC), 0 for no limit. More than the settings': administrators.",
    )


class KeyInfo(BaseModel):
    """An API key without its secret. Times are ISO, in UTC; `last_used` is a day."""

    id: str = Field(description="The part of the key that is no secret.")
    name: str
    owner: str = Field(description="Login name of the person whose key it is.")
    scopes: list[Scope]
    rate: float = Field(description="Requests a second.")
    burst: int = Field(description="Requests at once.")
    daily_quota: int = Field(description="Texts a day (UTC); 0: no limit.")
    created: str
    revoked: str | None = None
    last_used: str | None = None


class MadeKey(KeyInfo):
    """A new API key with its secret, which is not shown again."""

    key: str = Field(description="Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`.")


def make_key_routes(access: Access) -> APIRouter:
    """The routes of keys. Their refusals are Problems, which the application answers."""

    async def person(headers: Mapping[str, str]) -> Caller:
        caller = await access.identify(
            headers.get("authorization"), headers.get("x-api-key"), headers.get(PROOF_HEADER)
        )
        access.admit(caller, 0)
        # A key that leaks must not be able to make others.
        if not caller.owner or (caller.id.startswith("key:") and not _administers(caller)):
            raise Refused(
                403,
                f"{caller.id} may not manage API keys; use your hub token, or the hub's page of"
                " API keys.",
                kind="not-allowed",
            )
        return caller

    class KnownFirst(APIRoute):
        """Asks who it is before it looks at anything else: a stranger is told nothing of it."""

        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def known_first(request: Request) -> Response:
                request.state.caller = await person(request.headers)
                return await handle(request)

            return known_first

    router = APIRouter(
        prefix="/v1/keys",
        tags=["keys"],
        responses=refusals(401, 403, 429, 503),
        route_class=KnownFirst,
    )

    @router.get("", summary="List keys: one's own; all of them for administrators")
    async def list_keys(caller: _Caller) -> list[KeyInfo]:
        everybody = _administers(caller)
        found = _kept(access.keys.all)
        return [_info(key) for key in found if everybody or key.owner == caller.owner]

    @router.post(
        "",
        status_code=201,
        summary="Make a key; the answer is the only place that shows it whole",
        responses=refusals(409, 422),
    )
    async def make_key(body: NewKey, response: Response, caller: _Caller) -> MadeKey:
        settings = access.settings.keys
        allowance = _allowance(body, settings, _administers(caller))
        most = None if _administers(caller) else settings.per_person
        made, text = await asyncio.to_thread(
            _kept, lambda: access.keys.make(caller.owner, body.name, allowance, most)
        )
        response.headers["Cache-Control"] = "no-store"
        return MadeKey(**_info(made).model_dump(), key=text)

    @router.delete(
        "/{key_id}",
        status_code=204,
        summary="Revoke a key: the next request with it is refused",
        responses=refusals(404, 422),
    )
    async def revoke_key(
        key_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="Id of the key.")],
        caller: _Caller,
    ) -> None:
        key = _kept(lambda: access.keys.get(key_id))
        if key is None or not (key.owner == caller.owner or _administers(caller)):
            raise Problem(404, f"You have no API key with the id {key_id}.", kind="no-such-key")
        await asyncio.to_thread(_kept, lambda: access.keys.revoke(key_id))

    return router


def _administers(caller: Caller) -> bool:
    return ADMINISTER in caller.scopes


def _allowance(body: NewKey, settings: NaceKeys, administers: bool) -> Allowance:
    """What the new key may ask. Raises Problem (403) where only an administrator may give it."""
    rate = settings.rate if body.rate is None else body.rate
    burst = settings.burst if body.burst is None else body.burst
    quota = settings.daily_quota if body.daily_quota is None else body.daily_quota
    more = [
        f"{name} {asked:g} (at most {most:g})"
        for name, asked, most, over in (
            ("rate", rate, settings.rate, rate > settings.rate),
            ("burst", burst, settings.burst, burst > settings.burst),
            ("daily_quota", quota, settings.daily_quota, _more(quota, settings.daily_quota)),
        )
        if over
    ]
    if ADMINISTER in body.scopes:
        more.append(f"the scope {ADMINISTER}")
    if more and not administers:
        raise Problem(
            403,
            f"Only an administrator gives a key {' and '.join(more)}; ask one.",
            kind="not-allowed",
        )
    return Allowance(frozenset(body.scopes), rate, burst, quota)


def _more(quota: int, most: int) -> bool:
    """Whether a daily quota is above another, where 0 is no limit."""
    return most != 0 and (quota == 0 or quota > most)


def _kept(work: Callable[[], Found]) -> Found:
    """What the store gives, its refusals as problems."""
    try:
        return work()
    except KeyRefused as error:
        raise Problem(409, str(error), kind=error.kind) from None
    except KeysUnusable:
        raise Refused(
            503, "API keys cannot be read or written now; try again shortly.", 5, "no-keys"
        ) from None


def _info(key: ApiKey) -> KeyInfo:
    allowed = key.allowance
    return KeyInfo(
        id=key.id,
        name=key.name,
        owner=key.owner,
        scopes=[scope for scope in SCOPES if scope in allowed.scopes],
        rate=allowed.rate,
        burst=allowed.burst,
        daily_quota=allowed.daily_quota,
        created=key.created,
        revoked=key.revoked,
        last_used=key.last_used,
    )
