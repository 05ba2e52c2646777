"""The end of a connection whose client still sends: it hears why before the line is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Closing:
    """A transport that lets the client finish what it sends before it closes.

    What still comes is thrown away: for as long as it comes without a pause of `seconds`, but no
    more than `times` such spans and `most` bytes. `is_being_sent` says whether something will come.
    """

    seconds: float = 2
    times = 15
    most = 64_000_000

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        is_being_sent: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._is_being_sent = is_being_sent
        self._timer: asyncio.TimerHandle | None = None
        self._discarded = 0
        # The very methods: every request calls some of them.
        self.write = transport.write
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def is_closing(self) -> bool:
        """Whether nothing more can be said."""
        return self._timer is not None or self._transport.is_closing()

    def close(self) -> None:
        """Close once the client has heard what was written; at once when called again."""
        if self.is_closing() or not self._is_being_sent():
            self.close_now()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._wait(self.times, 0)

    def close_now(self) -> None:
        """Close, whatever is under way."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._transport.close()

    def discards(self, count: int) -> bool:
        """Whether so many bytes that came are for nobody."""
        if self._timer is None:
            return False
        self._discarded += count
        if self._discarded > self.most:
            self.close_now()
        return True

    def _wait(self, times: int, before: int) -> None:
        self._timer = self._loop.call_later(self.seconds, self._look, times - 1, before)

    def _look(self, times: int, before: int) -> None:
        if times and self._discarded > before:
            self._wait(times, self._discarded)
        else:
            self.close_now()
