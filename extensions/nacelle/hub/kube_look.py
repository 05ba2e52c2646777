"""A look at what the cluster has left, before somebody starts a session.

Who may not look says nothing: a right that the hub lacks, or an answer that does not come, refuses
nobody. Where machines are added on demand (`cluster.grows`), those that are there refuse nobody
either: one that is not there yet would be told as missing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException

from nacelle.cluster.demand import Demand, Object, Reason
from nacelle.cluster.nodes import Node, read_nodes, unfit
from nacelle.cluster.quota import Quota, explain_shortage, read_quotas, shortages, tell_left
from nacelle.environments.profile import Choice
from nacelle.language import Said

log = logging.getLogger(__name__)

# A class that starts at once asks for both a few times, not once each.
QUOTA_SECONDS = 2.0
NODE_SECONDS = 30.0
_PATIENCE = 5

Read = TypeVar("Read")


@dataclass(frozen=True)
class Look:
    """What was seen: quotas and machines; None where it could not be seen."""

    quotas: tuple[Quota, ...] | None = None
    nodes: tuple[Node, ...] | None = None

    def against(self, demand: Demand) -> Reason | None:
        """Why `demand` cannot be met now; None when nothing seen speaks against it."""
        if self.nodes and (reason := unfit(self.nodes, demand)):
            return reason
        short = shortages(self.quotas or (), demand)
        return explain_shortage(short) if short else None

    def where_machines_come(self) -> Look:
        """The same, where a machine that is not there yet comes when it is asked for."""
        return replace(self, nodes=None)

    def left(self) -> Said | None:
        """What is left for new sessions, in one line; None when no quota tells."""
        return tell_left(self.quotas or ())


def demand_of(choice: Choice, gpu_resource: str) -> Demand:
    """What a session of `choice` asks of the cluster."""
    return Demand(
        cpu_guarantee=Decimal(str(choice.cpu.guarantee)),
        cpu_limit=Decimal(str(choice.cpu.limit)),
        memory_guarantee=Decimal(choice.memory.guarantee),
        memory_limit=Decimal(choice.memory.limit),
        gpus=choice.gpu,
        gpu_resource=gpu_resource,
        node_selector=choice.node_selector,
        tolerations=choice.tolerations,
    )


@dataclass
class _Kept:
    at: float
    found: Any


class Looker:
    """Looks, and keeps what it saw for a moment; one for all sessions of a hub."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}

    async def look(self, api: Any, namespace: str, anew: bool = False) -> Look:
        """What is left in `namespace`; `anew` takes no quota that was kept."""
        host = str(api.api_client.configuration.host)
        quotas, nodes = await asyncio.gather(
            self._seen(
                (host, namespace, "quotas"),
                0 if anew else QUOTA_SECONDS,
                lambda: _list(api.list_namespaced_resource_quota, read_quotas, namespace),
            ),
            # What the API server has in its memory is fresh enough for machines.
            self._seen(
                (host, "nodes"),
                NODE_SECONDS,
                lambda: _list(api.list_node, read_nodes, resource_version="0"),
            ),
        )
        return Look(quotas, nodes)

    def kept(self, api: Any, namespace: str) -> Look | None:
        """What was seen last of `namespace`, without asking; None before the first look."""
        host = str(api.api_client.configuration.host)
        quotas, nodes = self._kept.get((host, namespace, "quotas")), self._kept.get((host, "nodes"))
        return Look(quotas.found, nodes.found) if quotas and nodes else None

    async def _seen(
        self, key: tuple[str, ...], seconds: float, read: Callable[[], Awaitable[Any]]
    ) -> Any:
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is None or self._clock() - kept.at >= seconds:
                kept = self._kept[key] = _Kept(self._clock(), await read())
            return kept.found


async def _list(
    request: Callable[..., Awaitable[Any]],
    read: Callable[[list[Object]], Read],
    *where: str,
    **options: Any,
) -> Read | None:
    """What a request for a list gives; None when it may not be made or is not answered."""
    try:
        # Without the client's models: a list of nodes is long, and little of it is wanted.
        answer = await request(
            *where, _preload_content=False, _request_timeout=_PATIENCE, **options
        )
        if answer.status != 200:
            answer.release()
            log.info("The cluster does not let us look", extra={"status": answer.status})
            return None
        return read(json.loads(await answer.read())["items"])
    except (ApiException, ClientError, OSError, TimeoutError) as error:
        log.info("The cluster was not looked at", extra={"why": type(error).__name__})
    except (ValueError, KeyError, TypeError, AttributeError):
        log.exception("The cluster's answer cannot be read")
    return None
