"""What people and administrators do with sessions on a cluster, asked of the emulator and of a real
one alike: the steps of tests/hub/kubernetes and of tests/cluster."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import httpx

from tests.support.kubernetes.kinds import Object
from tests.support.person import Person, Server
from tests.support.waiting import wait_for

# An image of a registry at an address that answers nobody (RFC 5737).
FAR_IMAGE = "192.0.2.1/nacelle/far:1"


def extra_profiles(image: str) -> list[dict[str, Any]]:
    """Environments of the tests beside the shipped ones: one that never comes, one that is full
    soon."""
    plain = {"description": "Of the tests.", "kernels": ["python"]}
    return [
        {
            **plain,
            "name": "far",
            "title": "Far",
            "image": FAR_IMAGE,
            "cpu": {"guarantee": 0.1, "limit": 1},
            "memory": {"guarantee": "256M", "limit": "512M"},
        },
        {
            **plain,
            "name": "tight",
            "title": "Tight",
            "image": image,
            "cpu": {"guarantee": 0.1, "limit": 1},
            "memory": {"guarantee": "512M", "limit": "768M"},
        },
    ]


class Site(Protocol):
    """A platform whose sessions are pods."""

    url: str

    def person(self, name: str) -> Person: ...

    def pods(self) -> list[Object]:
        """Those of sessions."""
        ...

    def pod(self, user: str) -> Object | None: ...

    def tokens(self) -> list[Object]:
        """The Secrets of sessions."""
        ...

    def events(self) -> list[Object]: ...

    def claim(self, user: str) -> Object | None: ...

    def drop_claim(self, user: str) -> None: ...

    def make_quota(self, hard: dict[str, str]) -> None: ...

    def drop_quota(self) -> None: ...

    def exhaust_memory(self, user: str, server: Server) -> None: ...

    def kill_hub(self) -> None: ...

    def start_hub(self) -> None: ...


@contextmanager
def session(site: Site, name: str, **options: str) -> Iterator[tuple[Person, Server]]:
    """Somebody with a session, which is stopped at the end."""
    with site.person(name) as person:
        server = person.start_server(**options)
        try:
            # The proxy may have the way to the pod before this one for some moments.
            wait_for(lambda: _answers(server), 30, "the session's answer")
            yield person, server
        finally:
            if servers(person):
                person.stop_server()
            wait_for(lambda: site.pod(name) is None, 60, "the pod's end")


def servers(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", f"users/{person.name}").json()["servers"]
    return found


def pending(person: Person) -> str | None:
    found: str | None = person.call("GET", f"users/{person.name}").json()["pending"]
    return found


def start_open_and_stop(site: Site, name: str, **options: str) -> None:
    """A session computes; nothing that opens a door stands in its pod's description."""
    with session(site, name, **options) as (person, server):
        assert person.get(f"/user/{name}/lab/tree/home").status_code == 200
        assert server.kernel().run("print(6 * 7)") == "42\n"
        pod = site.pod(name)
        assert pod and pod["spec"]["automountServiceAccountToken"] is False
        made = next(one for one in site.tokens() if one["metadata"]["name"] == f"session-{name}")
        tokens = read_tokens(made)
        seen = json.dumps([pod, site.events()])
        assert tokens and not any(token in seen for token in tokens)
    names = [one["metadata"]["name"] for one in site.tokens()]
    assert f"session-{name}" not in names


def read_tokens(secret: Object) -> list[str]:
    text = (secret.get("stringData") or {}).get("session.json")
    if text is None:
        text = base64.b64decode(secret["data"]["session.json"]).decode()
    return list(json.loads(text).values())


def give_up(site: Site, name: str) -> None:
    """A start that hangs is given up, and leaves nothing; the next one is as any other."""
    with site.person(name) as person:
        asked = person.call("POST", f"users/{name}/server", json={"profile": "far"})
        assert asked.status_code == 202, asked.text
        wait_for(lambda: site.pod(name), 60, "the pod")
        assert pending(person) == "spawn"
        page = person.get(f"/hub/spawn-pending/{name}").text
        assert "give up" in page.lower()
        given_up = person.call("DELETE", f"users/{name}/server")
        assert given_up.status_code in (202, 204), given_up.text
        wait_for(lambda: site.pod(name) is None, 60, "the pod's end")
        wait_for(lambda: not pending(person) and not servers(person), 30, "the end of the start")
    with session(site, name, profile="python"):
        pass


def full_quota_in_words(site: Site, name: str) -> None:
    """A quota that is full is told with what is left, by page and API; never as a bare 500."""
    site.make_quota({"limits.memory": "100Mi"})
    try:
        with site.person(name) as person:
            asked = person.call("POST", f"users/{name}/server", json={"profile": "python"})
            assert 400 <= asked.status_code < 600 and asked.status_code != 500, asked.text
            said = asked.json()["message"]
            assert "quota" in said and "memory" in said, said
            assert not pending(person) and site.pod(name) is None
            spawn = person.get("/hub/spawn")
            assert spawn.status_code == 200 and "Left for new sessions" in spawn.text
    finally:
        site.drop_quota()


def killed_for_memory_in_words(site: Site, name: str) -> None:
    """A session that is killed for its memory is told of at the next visit."""
    with session(site, name, profile="tight") as (person, server):
        site.exhaust_memory(name, server)
        wait_for(lambda: not servers(person), 120, "the notice")
        home = person.get("/hub/home").text
        assert "memory" in home.lower(), home


def hub_restart_with_a_live_session(site: Site, name: str) -> None:
    """The hub is killed: the session answers on, and the next hub has it again."""
    with session(site, name, profile="python") as (person, server):
        kernel = server.kernel()
        kernel.run("kept = 41")
        before = servers(person)[""]
        found: list[int] = []
        stop = threading.Event()
        poller = threading.Thread(target=_poll, args=(server, stop, found))
        poller.start()
        try:
            wait_for(lambda: 200 in found, 30, "an answer")
            site.kill_hub()
            seen = len(found)
            wait_for(lambda: len(found) >= seen + 20, 60, "twenty answers")
            site.start_hub()
        finally:
            stop.set()
            poller.join()
        assert set(found) == {200}, found
        wait_for(lambda: servers(person).get("", {}).get("ready"), 60, "the session")
        assert servers(person)[""]["started"] == before["started"]
        assert kernel.run("print(kept + 1)") == "42\n"


def _poll(server: Server, stop: threading.Event, found: list[int]) -> None:
    while not stop.is_set():
        found.append(_status(server))
        stop.wait(0.1)


def _answers(server: Server) -> bool:
    return _status(server) == 200


def _status(server: Server) -> int:
    try:
        return server.http.get("/api/status", timeout=10).status_code
    except httpx.HTTPError:
        return 0


def lost_claim(site: Site, name: str) -> None:
    """A home whose volume is gone is made again, empty, and the person is told in it."""
    with session(site, name, profile="python") as (_, server):
        server.kernel().run("open('kept.txt', 'w').write('x')")
    before = site.claim(name)
    assert before
    site.drop_claim(name)
    wait_for(lambda: site.claim(name) is None, 60, "the loss of the claim")
    with session(site, name, profile="python"):
        again, pod = site.claim(name), site.pod(name)
        assert again and again["metadata"]["uid"] != before["metadata"]["uid"]
        assert pod
        env = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
        assert env["NACELLE_HOME_WAS_LOST"] == "1"


def refused_by_every_door(site: Site, name: str, attacks: list[dict[str, str]]) -> None:
    """What a person may not choose, they may not choose by REST either; no pod is made."""
    with site.person(name) as person:
        for options in attacks:
            asked = person.call("POST", f"users/{name}/server", json=options)
            assert asked.status_code == 400, (options, asked.status_code, asked.text)
            assert site.pod(name) is None, options


ATTACKS = [
    {"profile": "python", "image": "evil.example/x:1"},
    {"profile": "python", "image": "other", "image--unlisted-choice": "evil.example/x:1"},
    {"profile": "python", "node_selector": "kubernetes.io/hostname=node-1"},
    {"profile": "python", "tolerations": "all"},
    {"profile": "python", "privileged": "true"},
    {"profile": "python", "volumes": "/"},
    {"profile": "python", "pvc_name": "home-bob"},
    {"profile": "python", "service_account": "nacelle-hub"},
    {"profile": "{{unshare}}"},
]
