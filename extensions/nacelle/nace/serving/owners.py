"""Whether those who own API keys may still use the platform: a key has no more rights than they."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from nacelle.credentials.hub import HubDirectory, NotAllowed

# An owner who left the platform keeps their keys for this long, in seconds; so do administrators
# who are none any more.
BELIEVED_SECONDS = 60
# The hub may be slow; the classifier need not be.
_PATIENCE = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the hub said about an owner, and when (monotonic seconds)."""

    here: bool
    admin: bool
    asked: float


class Owners:
    """What the hub says about owners, remembered: only the first question about one is waited for.

    While the hub does not answer, what it said last stands; somebody it has not told about yet may
    classify and administers nothing.
    """

    def __init__(
        self, directory: HubDirectory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._known: dict[str, Standing] = {}
        self._asking: dict[str, asyncio.Task[Standing]] = {}

    def standing(self, owner: str) -> Standing | None:
        """From memory; None when `ask` has to be awaited. Old answers are renewed meanwhile."""
        known = self._known.get(owner)
        if known is not None and self._clock() - known.asked > BELIEVED_SECONDS:
            self._task(owner)
        return known

    async def ask(self, owner: str) -> Standing:
        """What the hub says now; see the class for a hub that does not answer."""
        return await asyncio.shield(self._task(owner))

    def _task(self, owner: str) -> asyncio.Task[Standing]:
        task = self._asking.get(owner)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(owner))
            self._asking[owner] = task
            task.add_done_callback(lambda done: self._asking.pop(owner))
        return task

    async def _ask(self, owner: str) -> Standing:
        try:
            person = await asyncio.wait_for(self._directory.person(owner), _PATIENCE)
            standing = Standing(person is not None, bool(person and person.admin), self._clock())
        except (NotAllowed, TimeoutError) as error:
            log.warning("owner of keys not asked", extra={"owner": owner, "reason": str(error)})
            last = self._known.get(owner)
            standing = Standing(
                last.here if last else True, last.admin if last else False, self._clock()
            )
        self._known[owner] = standing
        return standing
