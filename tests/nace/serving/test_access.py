"""Who is let in: keys, hub tokens, proofs, nobody; and what is said to everybody else."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from nacelle.credentials.hub import HubDirectory, NotAllowed
from nacelle.credentials.identity import Person, sign_proof
from nacelle.nace.serving import owners
from nacelle.nace.serving.access import Access, Caller, Refused, open_access
from nacelle.nace.serving.keys import Allowance
from nacelle.nace.serving.problems import Problem
from nacelle.settings.nace import NaceKeys, NaceSettings
from tests.nace.serving.standin_hub import Hub
from tests.support.waiting import wait_for

SECRET = "c" * 64
SETTINGS = NaceSettings(keys=NaceKeys(rate=5, burst=3, daily_quota=20))
CLASSIFY = frozenset({"classify"})
BOTH = frozenset({"classify", "administer"})


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        running.add("alice", "token-of-alice")
        running.add("chief", "token-of-chief", admin=True)
        yield running


@pytest.fixture
async def access(tmp_path: Path, hub: Hub) -> AsyncIterator[Access]:
    made = open_access(SETTINGS, tmp_path, HubDirectory(15, "classify", hub.environment), SECRET)
    yield made
    await made.close()


def key_of(access: Access, owner: str = "alice", scopes: frozenset[str] = CLASSIFY) -> str:
    name = f"key {len(access.keys.all())}"
    return access.keys.make(owner, name, Allowance(scopes, 2.0, 4, 9), None)[1]


async def refusal(access: Access, *headers: str | None) -> Refused:
    with pytest.raises(Refused) as caught:
        await access.identify(*headers)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("how", ["Bearer {}", "bearer {}", "token {}", None])
async def test_a_key_in_either_header(access: Access, how: str | None) -> None:
    token = key_of(access)
    headers = (how.format(token), None) if how else (None, token)
    caller = await access.identify(*headers)
    assert caller == Caller(f"key:{token[8:20]}", CLASSIFY, caller.slot, 2.0, 4, 9, "alice")
    # From now on without a question.
    assert access.known(*headers) == caller


async def test_a_token_of_the_hub_is_asked_for_once(access: Access, hub: Hub) -> None:
    assert access.known("Bearer token-of-alice", None) is None
    callers = await asyncio.gather(
        *(access.identify("Bearer token-of-alice", None) for _ in range(20))
    )
    assert len(set(callers)) == 1 and callers[0].id == "user:alice"
    assert callers[0].scopes == CLASSIFY and callers[0].rate == 5
    assert hub.asked == ["/user", "/users/alice"]
    assert access.known("token token-of-alice", None) == callers[0]
    assert (await access.identify("Bearer token-of-chief", None)).scopes == BOTH


async def test_a_service_of_the_hub_may_classify(access: Access, hub: Hub) -> None:
    hub.tokens["s"] = {
        "kind": "service",
        "name": "dash",
        "admin": True,
        "scopes": ["access:services"],
    }
    caller = await access.identify("Bearer s", None)
    assert (caller.id, caller.scopes, caller.owner) == ("service:dash", CLASSIFY, "")


async def test_a_proof_of_the_hub_s_own_pages(access: Access, hub: Hub) -> None:
    proof = sign_proof(Person("alice"), "nace", SECRET)
    caller = await access.identify(None, None, proof)
    assert (caller.id, caller.scopes) == ("user:alice", CLASSIFY)
    assert access.known(None, None, proof) == caller
    chief = sign_proof(Person("chief", admin=True), "nace", SECRET)
    assert (await access.identify(None, None, chief)).scopes == BOTH
    assert hub.asked == []
    for forged in (
        sign_proof(Person("alice"), "mlflow", SECRET),
        sign_proof(Person("alice"), "nace", "d" * 64),
        "",
        "x.y.z",
    ):
        # A good token beside a forged proof does not help.
        assert (await refusal(access, "Bearer token-of-alice", None, forged)).status == 401


async def test_strangers(access: Access, hub: Hub) -> None:
    key = key_of(access)
    hub.add("eve", "token-of-eve", ["read:users:name!user"])
    for headers, status, words in (
        ((None, None), 401, "Send an API key or a hub token as 'Authorization: Bearer"),
        (("Bearer unknown", None), 401, "The hub does not know this token"),
        (("Basic YWxpY2U6cHc=", None), 401, "The hub does not know this token"),
        (("Bearer ", None), 401, "Send your hub token as"),
        (("Bearer a\x00b", None), 401, "Send your hub token as"),
        (("Bearer \xe9t\xe9", None), 401, "Send your hub token as"),
        (("Bearer " + "x" * 5000, None), 401, "Send your hub token as"),
        (("Bearer " + key[:-1], None), 401, "This API key is not known"),
        (("Bearer token-of-alice", "nacelle_"), 401, "This API key is not known"),
        (("Bearer token-of-eve", None), 403, "This token may not classify"),
    ):
        refused = await refusal(access, *headers)
        assert refused.status == status and words in refused.message, headers
        assert ("WWW-Authenticate" in refused.headers) == (status == 401)
        assert key not in refused.message


async def test_the_password_of_basic_is_the_key(access: Access) -> None:
    pair = base64.b64encode(f"insee:{key_of(access)}".encode()).decode()
    for caller in (
        await access.identify(f"basic {pair}", None),
        access.known(f"Basic {pair}", None),
    ):
        assert caller is not None and caller.id.startswith("key:")
    with pytest.raises(Problem, match="password of HTTP Basic"):
        access.known("Basic " + base64.b64encode(b"alone").decode(), None)


async def test_wrong_tokens_do_not_flood_the_hub(access: Access, hub: Hub) -> None:
    for _ in range(5):
        await refusal(access, "Bearer unknown", None)
    assert hub.asked == ["/user"]


async def told(directory: HubDirectory, tokens: Iterable[str]) -> list[NotAllowed]:
    """What is said to each of these tokens, which come at once and must be refused."""
    asked = [directory.identify(f"Bearer {token}") for token in tokens]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, NotAllowed) for one in found)
    return found  # type: ignore[return-value]


async def test_a_slow_hub_is_not_asked_for_ever_more(hub: Hub) -> None:
    # A second goes by at each look.
    directory = HubDirectory(15, "classify", hub.environment, clock=count(0.0).__next__)
    hub.answers.clear()
    asked = asyncio.create_task(told(directory, map(str, range(80))))
    await asyncio.to_thread(wait_for, lambda: len(hub.asked) >= 64, 10, "the questions")
    hub.answers.set()
    statuses = [refused.status for refused in await asked]
    assert statuses.count(503) == 16 and statuses.count(401) == 64
    await directory.close()


async def test_unknown_tokens_share_twenty_questions_a_second(hub: Hub) -> None:
    now = 0.0
    # Nothing is kept, so that the hub is asked at each request.
    directory = HubDirectory(0, "classify", hub.environment, clock=lambda: now)
    assert (await directory.identify("Bearer token-of-alice")).name == "alice"
    for more in (19, 20):
        hub.asked.clear()
        refused = await told(directory, (f"wrong-{now}-{n}" for n in range(60)))
        assert len(hub.asked) == more
        beyond = [one for one in refused if one.status == 503]
        assert len(beyond) == 60 - more and {one.retry_after for one in beyond} == {1}
        # Who was good a moment ago does not stand in line behind them.
        assert (await directory.identify("Bearer token-of-alice")).name == "alice"
        now += 1
    assert (await directory.identify("Bearer token-of-chief")).admin
    await directory.close()


async def test_a_token_that_has_ended_stands_in_line_like_a_wrong_one(hub: Hub) -> None:
    directory = HubDirectory(0, "classify", hub.environment, clock=lambda: 0.0)
    await directory.identify("Bearer token-of-alice")
    del hub.tokens["token-of-alice"]
    await told(directory, (f"wrong-{n}" for n in range(30)))
    statuses = [(await told(directory, ["token-of-alice"]))[0].status for _ in range(2)]
    assert statuses == [401, 503]


async def test_without_the_hub_keys_go_on_and_tokens_wait(access: Access, hub: Hub) -> None:
    token, chief = key_of(access), key_of(access, "chief", BOTH)
    hub.go_away()
    assert (await access.identify(None, token)).scopes == CLASSIFY
    # Nobody said yet that its owner still administers.
    assert (await access.identify(None, chief)).scopes == CLASSIFY
    refused = await refusal(access, "Bearer token-of-alice", None)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")


async def test_a_hub_out_of_order_is_no_500(access: Access, hub: Hub) -> None:
    hub.status = 500
    assert (await refusal(access, "Bearer token-of-alice", None)).status == 503
    assert (await access.identify(None, key_of(access))).scopes == CLASSIFY


async def test_a_key_is_worth_no_more_than_its_owner(
    access: Access, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, chief = key_of(access), key_of(access, "chief", BOTH)
    assert (await access.identify(None, chief)).scopes == BOTH
    assert (await access.identify(None, alice)).scopes == CLASSIFY
    hub.people["chief"]["admin"] = False
    # What a local hub does to somebody who left the settings.
    hub.people["alice"]["roles"] = []
    assert access.known(None, alice) is not None
    monkeypatch.setattr(owners, "BELIEVED_SECONDS", -1)
    access.known(None, alice), access.known(None, chief)
    asked = len(hub.asked) + 2
    await asyncio.to_thread(wait_for, lambda: len(hub.asked) >= asked, 10, "the questions")
    monkeypatch.setattr(owners, "BELIEVED_SECONDS", 60)

    async def ended() -> str:
        while True:
            try:
                await access.identify(None, alice)
            except Refused as refused:
                return refused.message
            await asyncio.sleep(0)

    assert "has left the platform" in await asyncio.wait_for(ended(), 10)
    assert (await access.identify(None, chief)).scopes == CLASSIFY
    assert (await refusal(access, None, key_of(access, "nobody"))).status == 401


async def test_a_revoked_key_is_refused_by_the_next_request(access: Access) -> None:
    token = key_of(access)
    assert await access.identify(None, token)
    access.keys.revoke(token[8:20])
    with pytest.raises(Refused, match="was revoked") as caught:
        access.known(None, token)
    assert caught.value.status == 401


async def test_the_anonymous_only_where_allowed(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"anonymous": True})
    access = open_access(settings, tmp_path, None, SECRET)
    caller = access.known(None, None)
    assert caller == Caller("anonymous", CLASSIFY, 0, 5, 3, 20)
    # A wrong key is a mistake to be told of, not nobody.
    assert (await refusal(access, None, "nacelle_wrong")).status == 401
    assert (await refusal(access, "Bearer token", None)).status == 401
    await access.close()


async def test_rate_and_quota_tell_when_to_come_back(access: Access) -> None:
    caller = await access.identify(None, key_of(access))
    access.admit(caller, 8)
    with pytest.raises(Refused, match=r"9 texts a day \(UTC\) and has 1 left; .* has 2") as quota:
        access.admit(caller, 2)
    assert quota.value.status == 429 and 0 < int(quota.value.headers["Retry-After"]) <= 86_400
    # Slow enough that no machine fills it again between two lines.
    slow = replace(caller, rate=0.001)
    with pytest.raises(Refused, match="4 at once; wait") as rate:
        for _ in range(6):
            access.admit(slow, 0)
    assert rate.value.status == 429 and int(rate.value.headers["Retry-After"]) > 100


async def test_texts_are_paid_for_once_they_are_known(access: Access) -> None:
    caller = replace(await access.identify(None, key_of(access)), rate=0.001)
    access.admit(caller, 0)
    access.spend(caller, 8)
    with pytest.raises(Refused, match=r"has 1 left; this request has 2") as quota:
        access.spend(caller, 2)
    assert quota.value.status == 429
    access.give_back(caller, 8)
    access.spend(caller, 9)
    # Three of four requests are left, and an unlimited caller is not counted.
    for _ in range(3):
        access.admit(caller, 0)
    with pytest.raises(Refused, match="4 at once"):
        access.admit(caller, 0)
    access.spend(replace(caller, daily_quota=0), 10**6)


async def test_unreadable_keys_are_a_503(access: Access, tmp_path: Path) -> None:
    token = key_of(access)
    access.keys._db.close()
    refused = await refusal(access, None, token)
    assert (refused.status, refused.retry_after) == (503, 5)


def test_a_worker_that_imports_the_door_stays_small() -> None:
    code = "import sys, nacelle.nace.serving.key_routes; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"jupyterhub", "mlflow", "pandas", "pyarrow", "sklearn", "boto3", "s3fs", "matplotlib"}
    assert not heavy & set(run.stdout.split())
