"""Notices that wait in the store are delivered, tried again, and given up with a word to the owner.

A notice may arrive twice, when the engine is killed between its delivery and the note of it; it is
never forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from nacelle.jobs.engine.mail import Mailer
from nacelle.jobs.engine.outside import Clock
from nacelle.jobs.engine.undelivered import Undelivered
from nacelle.jobs.engine.webhook import Webhooks
from nacelle.jobs.parts import Sentence
from nacelle.jobs.store import Notice, Store

# Between one attempt and the next; after the last of them it is given up.
WAITS = (60, 300, 900, 3600)
_AT_ONCE = 8

log = logging.getLogger(__name__)


class Notices:
    """Delivers what is due; `page` gives the address of the page of a run, by its id."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        mailer: Mailer,
        webhooks: Webhooks,
        page: Callable[[str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._mailer = mailer
        self._webhooks = webhooks
        self._page = page

    async def deliver(self) -> None:
        """One round over what is due now."""
        while due := self._store.notices_due(self._clock.now(), _AT_ONCE):
            await asyncio.gather(*(self._deliver(notice) for notice in due))

    async def _deliver(self, notice: Notice) -> None:
        try:
            url = self._page(notice.run.id)
            if notice.channel == "mail":
                await asyncio.to_thread(self._mailer.send, notice, url)
            else:
                await self._webhooks.send(notice, url)
        except Undelivered as error:
            self._later(notice, error)
        except Exception:
            log.exception("a notice cannot be sent", extra={"run": notice.run.id})
            self._put_off(notice)
        else:
            self._store.notice_sent(notice.id)

    def _later(self, notice: Notice, error: Undelivered) -> None:
        log.warning(
            "a notice was not delivered",
            extra={"run": notice.run.id, "channel": notice.channel, "attempt": notice.attempts + 1},
        )
        if error.for_good or notice.attempts >= len(WAITS):
            said = _given_up(notice, error)
            self._store.notice_given_up(notice, said, self._clock.now())
        else:
            self._put_off(notice)

    def _put_off(self, notice: Notice) -> None:
        wait = WAITS[min(notice.attempts, len(WAITS) - 1)]
        self._store.notice_failed(notice.id, self._clock.now() + timedelta(seconds=wait))


def _given_up(notice: Notice, error: Undelivered) -> Sentence:
    whom = notice.target if notice.channel == "mail" else "the webhook"
    qui = notice.target if notice.channel == "mail" else "le webhook"
    return Sentence(
        en=f"A run of “{notice.job.name}” ended, and {whom} could not be told: {error.said.en}.",
        fr=f"Une exécution de « {notice.job.name} » est finie, et {qui} n'a pas pu en être"
        f" averti : {error.said.fr}.",
    )
