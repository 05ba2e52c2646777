"""Tokens of runs that are over are revoked; each would end by itself, later."""

from __future__ import annotations

import logging

from nacelle.jobs.engine.outside import Hub, HubAway
from nacelle.jobs.store import Store

log = logging.getLogger(__name__)


class Revoking:
    """Revokes what the store says is not needed any more."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub

    async def revoke(self) -> None:
        """One round; what the hub does not answer for is left for the next."""
        while found := self._store.tokens_to_revoke():
            for owner, token_id in found:
                try:
                    await self._hub.revoke(owner, token_id)
                except HubAway as error:
                    log.warning("tokens of ended runs wait for the hub: %s", error)
                    return
                self._store.forget_token(owner, token_id)
