"""What a session on a cluster says in words: before its start, during it, and after its end.

Cases, each with a test of its number in tests/hub/kubernetes/test_kube_telling*.py:

 1. What the quotas or machines cannot serve is refused before anything is made, with what is left.
 2. The spawn page shows what is left, and greys what does not fit, with the reason.
 3. While it starts, the pod's events are told in words, in both languages.
 4. Whatever comes out of a start is a sentence with what to do, never a bare error.
 5. Why a session ended by itself is kept, over restarts of the hub, until another is started.
 6. A session that its person stopped leaves nothing to tell.
 7. Where the hub may not look, or is not answered, nobody is refused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError
from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException
from traitlets.config import LoggingConfigurable

from nacelle.cluster.demand import Object, Reason
from nacelle.cluster.events import Teller
from nacelle.cluster.reasons import explain_end, explain_gone, explain_late, has_ended, hopeless
from nacelle.cluster.refusals import API_AWAY, PLATFORM, explain_refusal
from nacelle.environments.profile import Choice, Profile
from nacelle.hub.kube_cards import fit_cards
from nacelle.hub.kube_look import Look, Looker, demand_of
from nacelle.hub.refusals import StartFailed
from nacelle.language import Language, Said
from nacelle.settings import Settings

# How often the pending page hears of something new, in seconds.
_TICK = 0.5
_ASKING = Said("Asking the cluster for a place.", "Une place est demandée au cluster.")
_LOOKER = Looker()


class TellingMixin(LoggingConfigurable):  # type: ignore[misc]
    """The words of a session on a cluster. Comes before SessionMixin and KubeSpawner."""

    # What those bring.
    settings: Settings
    profiles: tuple[Profile, ...]
    projects: list[str]
    choice: Choice | None
    language: Language
    namespace: str
    pod_name: str
    start_timeout: int
    api: Any
    events: Sequence[Object]
    pod_reflector: Any
    _start_watching_pods: Any

    looker: Looker = _LOOKER
    _look: Look | None = None
    _end: dict[str, str] | None = None

    # Before the start.

    async def get_options_form(self) -> Any:
        """The hub calls this before it shows the spawn page: the moment to look at the cluster."""
        self._look = await self._looks()
        return await super().get_options_form()

    def cards(self) -> list[dict[str, Any]]:
        """The catalogue, with what the cluster cannot serve now (case 2)."""
        cards: list[dict[str, Any]] = super().cards()
        look = self._looked()
        if look is None:
            return cards

        def against(choice: Choice) -> Said | None:
            reason = look.against(demand_of(choice, self.settings.cluster.gpu_resource))
            return (reason.brief or reason.said) if reason else None

        return fit_cards(cards, self.profiles, self.projects, against)

    def left(self) -> Said | None:
        """What is left for new sessions, for the spawn page; None when nothing tells."""
        look = self._looked()
        return look.left() if look else None

    def _looked(self) -> Look | None:
        """What the hub has looked at for this page. After a start that failed, it asks one spawner
        for its form and shows the page with another."""
        kept = self.looker.kept(self.api, self.namespace)
        return self._look or (self._counting(kept) if kept else None)

    async def _looks(self, anew: bool = False) -> Look:
        return self._counting(await self.looker.look(self.api, self.namespace, anew))

    def _counting(self, look: Look) -> Look:
        return look.where_machines_come() if self.settings.cluster.grows else look

    async def before_start(self) -> None:
        """Case 1. Raises StartFailed."""
        self._end = None
        assert self.choice is not None, "a session starts after its choice is taken"
        demand = demand_of(self.choice, self.settings.cluster.gpu_resource)
        look = await self._looks()
        if look.against(demand) is None:
            return
        # A session that has just ended may have made room since.
        look = await self._looks(anew=True)
        if reason := look.against(demand):
            raise self._start_failed(reason)

    # While it starts.

    async def _start(self) -> Any:
        """Kubespawner's, until the session answers; for a pod that will not come it does not wait.

        Raises StartFailed.
        """
        await self._start_watching_pods()
        # A pod of an earlier session goes first.
        old = _uid(self._pod_now())
        starting = asyncio.ensure_future(self._up(super()._start()))
        try:
            while not starting.done():
                pod = self._pod_now()
                if _uid(pod) != old and (failed := self.hopeless(pod)):
                    raise failed
                await asyncio.wait({starting}, timeout=_TICK)
            return await starting
        finally:
            await _end(starting)

    async def _up(self, starting: Coroutine[Any, Any, Any]) -> Any:
        """Its address, once it listens there: the hub's own wait for that asks no pod."""
        address = await starting
        parts = urlsplit(address)
        await exponential_backoff(
            lambda: _listens(str(parts.hostname), int(parts.port or 80)),
            f"{address} does not listen",
            start_wait=0.1,
            scale_factor=1.3,
            max_wait=1,
            timeout=self.start_timeout,
        )
        return address

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Events for the pending page, in both languages, until the hub stops asking (case 3)."""
        yield _event(5, _ASKING)
        teller, furthest = Teller(), 5
        while True:
            for one in teller.tell(self.events):
                furthest = max(furthest, one.progress)
                yield _event(furthest, one.said)
            await asyncio.sleep(_TICK)

    def hopeless(self, pod: Object | None) -> StartFailed | None:
        """Why waiting longer for `pod` does not help; None while it may."""
        reason = hopeless(pod, self.events)
        return self._start_failed(reason) if reason else None

    def explain_start(self, error: Exception) -> StartFailed:
        """What a start that ended with `error` tells its person (case 4)."""
        if isinstance(error, StartFailed):
            return error
        return self._start_failed(self._why(error))

    def _why(self, error: Exception) -> Reason:
        if isinstance(error, ApiException):
            return explain_refusal(error.status or 0, _message(error))
        pod = self._pod_now()
        if reason := hopeless(pod, self.events):
            return reason
        if isinstance(error, TimeoutError):
            return explain_late(pod, self.events, self.settings.sessions.start_timeout)
        if isinstance(error, ClientError | OSError):
            return API_AWAY
        self.log.error("A start failed", exc_info=error)
        return PLATFORM

    def _pod_now(self) -> Object | None:
        if self.pod_reflector is None:
            return None
        pod: Object | None = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return pod

    def _start_failed(self, reason: Reason) -> StartFailed:
        if reason.detail:
            self.log.warning("The cluster on %s: %s", self.pod_name, reason.detail)
        return StartFailed(reason.said, self.language, reason.code, reason.status)

    # After the end.

    def remember_end(self, pod: Object | None) -> None:
        """Keep why a session ended by itself; `pod` is how it was last seen, None: not at all."""
        if self._end is not None:
            return
        if pod is not None and has_ended(pod):
            reason = explain_end(pod)
        else:
            reason = explain_gone(pod, self.events)
        if reason is None:
            return
        self.log.warning("The session %s ended: %s %s", self.pod_name, reason.code, reason.detail)
        self._end = {
            "code": reason.code,
            "en": reason.said.en,
            "fr": reason.said.fr,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def ended(self) -> Said | None:
        """Why the last session ended by itself; None when there is nothing to tell."""
        return Said(self._end["en"], self._end["fr"]) if self._end else None

    @property
    def ended_at(self) -> datetime | None:
        """When that was noticed, in UTC without a zone as the hub's own times."""
        return datetime.fromisoformat(self._end["at"]).replace(tzinfo=None) if self._end else None

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        return {**state, "ended": self._end} if self._end else state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._end = state.get("ended")


def _uid(pod: Object | None) -> str:
    return str(pod["metadata"]["uid"]) if pod else ""


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancel `task`, again if it goes on: Python 3.11's wait_for may lose a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_TICK)
    if not task.cancelled():
        # Seen, so that nothing warns of it.
        task.exception()


async def _listens(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _event(progress: int, said: Said) -> dict[str, Any]:
    # `message` for programs; the page takes its reader's language.
    return {"progress": progress, "message": said.en, "fr": said.fr}


def _message(error: ApiException) -> str:
    """The API's own sentence."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason or "")
