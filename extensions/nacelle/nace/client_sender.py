"""Sends batches and waits, retries, or cuts a batch in two, as the service's answers say."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from itertools import count
from typing import Any

import httpx
import msgspec

from nacelle.nace.client_batches import Batch, Limits, Options
from nacelle.nace.client_errors import ClientError, Refusal, ServiceAway, error_of
from nacelle.nace.client_place import KEY, Place
from nacelle.nace.prediction import Prediction
from nacelle.nace.serving.wire import ClassifyAnswer

Answer = Prediction | Refusal

_CLASSIFY = "/v1/classify"
_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 60
# Waits double from the first up to the longest; a part of each is chance, so that clients that were
# refused together do not come back together.
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 10.0
_TELL_FROM = 5.0
_TOO_MUCH = ("batch-too-large", "body-too-large", "too-slow")
_OPTIONS_ALONE = Batch([], [])
# A proxy set for the outer world does not know this machine.
_LOOPBACK: dict[str, Any] = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
_answer = msgspec.json.Decoder(ClassifyAnswer)

log = logging.getLogger(__name__)


class Sender:
    """One connection pool to the service. Used in one event loop.

    `patience` is for how many seconds a request is tried again.
    """

    def __init__(
        self, place: Place, limits: Limits, parallel: int, patience: float, titles: str
    ) -> None:
        self.place = place
        self.limits = limits
        self._patience = patience
        self._room = asyncio.Semaphore(parallel)
        self._held_until = self._answered = 0.0
        headers = {"Accept-Language": titles} if titles else {}
        if place.key:
            headers["Authorization"] = f"Bearer {place.key}"
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=parallel),
            mounts=_LOOPBACK,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def get(self, path: str, **query: str | int) -> Any:
        """What a reading route answers, from JSON."""
        response = await self._ask("GET", path, params=query)
        try:
            return msgspec.json.decode(response.content)
        except msgspec.MsgspecError:
            raise self._stranger() from None

    async def classify(self, batch: Batch, options: Options) -> list[Answer]:
        """The answers to a batch, in its order; a Refusal for a text that is refused alone.

        Raises ClientError where the whole is refused, ServiceAway where nothing was heard.
        """
        long = [i for i, length in enumerate(batch.lengths) if length > self.limits.text_length]
        if not long or len(batch) == 1:
            return await self._classify(batch, options)
        # Each of them would have the whole batch refused.
        apart = set(long)
        others = [i for i in range(len(batch)) if i not in apart]
        groups = [others, *([i] for i in long)] if others else [[i] for i in long]
        found: dict[int, Answer] = {}
        for group in groups:
            answers = await self._classify(batch.pick(group), options)
            found.update(zip(group, answers, strict=True))
        return [found[i] for i in range(len(batch))]

    async def _classify(self, batch: Batch, options: Options) -> list[Answer]:
        if batch.size > self.limits.body_bytes and len(batch) == 1:
            most = self.limits.body_bytes
            return [Refusal(f"The text is larger than {most:,} bytes.", "body-too-large", 413)]
        try:
            response = await self._ask("POST", _CLASSIFY, content=batch.body(options))
        except ClientError as error:
            return await self._without_refused(batch, options, error)
        try:
            found = _answer.decode(response.content).predictions
        except msgspec.MsgspecError:
            raise self._stranger() from None
        if len(found) != len(batch):
            raise self._stranger()
        return list(found)

    async def _without_refused(
        self, batch: Batch, options: Options, error: ClientError
    ) -> list[Answer]:
        """A refused batch in halves, down to the texts for which it was refused."""
        if not await self._is_about_texts(error, options):
            raise error
        if len(batch) == 1:
            return [Refusal(error.detail, error.kind, error.status or 0, error.request_id)]
        half = len(batch) // 2
        if error.kind == "batch-too-large":
            self.limits.texts = max(min(self.limits.texts, half), 1)
        elif error.kind == "body-too-large":
            self.limits.body_bytes = min(self.limits.body_bytes, batch.size * 2 // 3)
        first, second = batch.pick(range(half)), batch.pick(range(half, len(batch)))
        return [
            *await self._classify(first, options),
            *await self._classify(second, options),
        ]

    async def _is_about_texts(self, error: ClientError, options: Options) -> bool:
        if error.status == 413 or error.kind in _TOO_MUCH:
            return True
        if error.status != 422 or error.kind == "unknown-variable":
            return False
        try:
            await self._ask("POST", _CLASSIFY, content=_OPTIONS_ALONE.body(options))
        except ClientError:
            return False
        return True

    async def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        """The answer to one request, asked again while that may help."""
        loop = asyncio.get_running_loop()
        failing = 0.0
        for attempt in count():
            try:
                async with self._room:
                    while (held := self._held_until - loop.time()) > 0:
                        await asyncio.sleep(held)
                    response = await self._http.request(method, self.place.url + path, **what)
            except httpx.TransportError as problem:
                error: ClientError = self._unreachable(problem)
            else:
                if response.is_success:
                    self._answered = loop.time()
                    return response
                error = self._refused(response)
            now = loop.time()
            failing = failing or now
            # While others are answered the service lives and this one only has to wait its turn;
            # a request that drops its connection each time may be what kills a worker.
            since = max(failing, self._answered) if error.status else failing
            wait = _wait(attempt, error)
            if not isinstance(error, ServiceAway) or now - since + wait > self._patience:
                raise error
            if wait >= _TELL_FROM:
                log.warning("%s Trying again in %.0f s.", error, wait)
            # What is said to one request holds for those beside it.
            self._held_until = max(self._held_until, now + (error.retry_after or 0.0))
            await asyncio.sleep(wait)
        raise AssertionError("counted to the end")

    def _refused(self, response: httpx.Response) -> ClientError:
        error = error_of(response)
        if error.status == 401 and not self.place.key:
            hint = f"{error.detail} Here that is ${KEY}, or key=..."
            return ClientError(hint, status=401, kind=error.kind, request_id=error.request_id)
        return error

    def _unreachable(self, problem: httpx.TransportError) -> ClientError:
        said = f"{self.place.url} does not answer: {str(problem) or type(problem).__name__}."
        if isinstance(problem, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return ClientError(said)
        if isinstance(problem.__context__, ssl.SSLCertVerificationError) or "CERTIFICATE_" in said:
            return ClientError(f"{said} Name the authority that signed it in $SSL_CERT_FILE.")
        return ServiceAway(f"{said} Look whether the address is right and the service runs.")

    def _stranger(self) -> ClientError:
        return ClientError(
            f"What answers at {self.place.url} is not the classifier, or of another version."
        )


def _wait(attempt: int, error: ClientError) -> float:
    """Seconds until the next attempt: what the service says at least, and longer each time."""
    own: float = min(_FIRST_WAIT * 2 ** min(attempt, 10), _LONGEST_WAIT)
    said = error.retry_after or 0.0
    return max(own * random.uniform(0.5, 1), said * random.uniform(1, 1.1))
