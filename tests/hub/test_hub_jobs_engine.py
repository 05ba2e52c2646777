"""What the engine of jobs asks of a real hub: who is there, and tokens for runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from hubrig import Platform

from nacelle.jobs.engine.hub import SERVICES, HubClient
from nacelle.jobs.engine.outside import HubAway, NotGiven
from nacelle.secrets import read_secret

RUN = "1" * 32


def client(platform: Platform, token: str | None = None, port: int | None = None) -> HubClient:
    address = platform.layout.address("hub") if port is None else f"http://127.0.0.1:{port}"
    return HubClient(
        {
            "JUPYTERHUB_API_URL": f"{address}/hub/api",
            "JUPYTERHUB_API_TOKEN": token
            or read_secret(platform.layout, "service.jobs-engine.token"),
        }
    )


@pytest.fixture
async def hub(platform: Platform) -> AsyncIterator[HubClient]:
    made = client(platform)
    yield made
    await made.close()


def seen_by(platform: Platform, token: str) -> httpx.Response:
    """Who the hub says that the holder of a token is."""
    return httpx.get(
        f"{platform.layout.address('hub')}/hub/api/user",
        headers={"Authorization": f"token {token}"},
        trust_env=False,
    )


async def test_people_with_their_projects(hub: HubClient) -> None:
    alice, admin = await hub.person("alice"), await hub.person("admin")
    assert alice and admin
    assert (alice.projects, alice.admin, admin.admin) == (("prix",), False, True)
    assert await hub.person("nobody") is None


async def test_a_token_of_a_run_may_little_and_ends(platform: Platform, hub: HubClient) -> None:
    token = await hub.mint("alice", RUN, 700)
    model = seen_by(platform, token.text).json()
    assert model["name"] == "alice"
    access = {scope for scope in model["scopes"] if not scope.startswith("read:")}
    assert access == {f"access:services!service={name}" for name in SERVICES}
    await hub.revoke("alice", token.id)
    assert seen_by(platform, token.text).status_code == 403
    await hub.revoke("alice", token.id)
    await hub.revoke("nobody", token.id)


async def test_nobody_gets_no_token(hub: HubClient) -> None:
    with pytest.raises(NotGiven):
        await hub.mint("nobody", RUN, 700)


async def test_a_service_without_rights_concludes_nothing(platform: Platform) -> None:
    for token in ("wrong", read_secret(platform.layout, "service.broker.token")):
        made = client(platform, token)
        with pytest.raises(HubAway):
            # The broker may not see roles; a wrong token may see nothing at all.
            await made.revoke("alice", "a1")
        await made.close()
    made = client(platform, "wrong")
    with pytest.raises(HubAway):
        await made.person("alice")
    await made.close()


async def test_a_hub_that_is_away(platform: Platform) -> None:
    made = client(platform, port=9)
    with pytest.raises(HubAway):
        await made.person("alice")
    with pytest.raises(HubAway):
        await made.mint("alice", RUN, 700)
    await made.close()


async def test_a_token_is_shown_in_no_text(hub: HubClient) -> None:
    token = await hub.mint("alice", RUN, 700)
    assert token.text not in repr(token)
    await hub.revoke("alice", token.id)


async def test_the_service_itself_makes_no_tokens(platform: Platform) -> None:
    served = client(platform, read_secret(platform.layout, "service.jobs.token"))
    with pytest.raises(NotGiven):
        await served.mint("alice", RUN, 700)
    assert (await served.person("alice")) is not None
    await served.close()
