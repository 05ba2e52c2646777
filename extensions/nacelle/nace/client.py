"""Clients of the classifier's service, for programs and notebooks.

    from nacelle.nace import Client

    with Client() as client:
        answer = client.classify("Réparation de vélos", language="fr")
        for answer in client.classify_many(texts):
            ...

`AsyncClient` is the same for programs that run an event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack, contextmanager
from typing import Any, Self, TypeVar
from urllib.parse import quote

from anyio.from_thread import BlockingPortal, start_blocking_portal

from nacelle.nace.client_batches import Batch, Limits, Options, Text, cut
from nacelle.nace.client_errors import ClientError, Refusal, ServiceAway
from nacelle.nace.client_place import Place, find_place
from nacelle.nace.client_sender import Answer, Sender
from nacelle.nace.prediction import Prediction
from nacelle.nace.serving.wire import TextItem

# Enough for the service's full speed, and little to do again when a worker dies.
_BATCH = 500
_PARALLEL = 4
_PATIENCE = 120.0
# As the service's settings have them (nace.limits) unless they were changed.
_MOST_TEXTS, _MOST_BYTES, _LONGEST_TEXT = 2_000, 4_000_000, 5_000

Found = TypeVar("Found")
Tell = Callable[[int], None]

__all__ = ["AsyncClient", "Client", "ClientError", "Refusal", "ServiceAway", "TextItem"]


class _Common:
    """What both clients are made of."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        titles: str = "",
        batch: int = _BATCH,
        parallel: int = _PARALLEL,
        patience: float = _PATIENCE,
    ) -> None:
        """`url` and `key` may come from the environment, see `client_place.find_place`.

        `titles` is the language of titles, as Accept-Language has it. `batch` is the most texts in
        a request, `parallel` the most requests at once, and `patience` for how many seconds a
        request is tried again while the service is away, busy, or the allowance used up.
        """
        if batch < 1 or parallel < 1:
            raise ValueError("batch and parallel are 1 or more")
        self.place: Place = find_place(url, key)
        self._parallel = parallel
        self._patience = patience
        self._titles = titles
        self._limits = Limits(min(batch, _MOST_TEXTS), _MOST_BYTES, _LONGEST_TEXT)

    def _sender(self) -> Sender:
        return Sender(self.place, self._limits, self._parallel, self._patience, self._titles)

    @property
    def _window(self) -> int:
        """Batches that are read ahead: one slow answer does not stop the others."""
        return 2 * self._parallel


class AsyncClient(_Common):
    """The classifier's service, for programs that run an event loop. Use it with `async with`."""

    async def __aenter__(self) -> Self:
        self._sending = self._sender()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._sending.close()

    async def classify(
        self,
        text: str,
        *,
        language: str = "",
        side: Mapping[str, str] | None = None,
        top: int = 5,
        level: int | None = None,
        threshold: float | None = None,
    ) -> Prediction:
        """The answer for one text. See `Client.classify`."""
        item = TextItem(text, language, dict(side or {}))
        (batch,) = cut([item], self._limits)
        return _one(await self._sending.classify(batch, Options(top, level, threshold)))

    async def classify_many(
        self,
        texts: Iterable[Text],
        *,
        language: str = "",
        top: int = 5,
        level: int | None = None,
        threshold: float | None = None,
        progress: bool = False,
    ) -> AsyncIterator[Answer]:
        """The answers for any number of texts. See `Client.classify_many`."""
        options = Options(top, level, threshold, language)
        waiting: deque[asyncio.Task[list[Answer]]] = deque()
        batches = cut(texts, self._limits)
        try:
            with _drawn(progress, texts) as tell:
                while _fill(waiting, batches, self._window, lambda one: self._task(one, options)):
                    answers = await waiting.popleft()
                    tell(len(answers))
                    for answer in answers:
                        yield answer
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _task(self, batch: Batch, options: Options) -> asyncio.Task[list[Answer]]:
        return asyncio.create_task(self._sending.classify(batch, options))

    async def model(self) -> dict[str, Any]:
        """The model that serves: version, figures, threshold and its guarantee, card."""
        return dict(await self._sending.get("/v1/model"))

    async def search(self, words: str, limit: int = 20) -> list[dict[str, Any]]:
        """Codes whose titles or notes have these words, best first."""
        found = await self._sending.get("/v1/nomenclature", q=words, limit=limit)
        return list(found["codes"])

    async def code(self, code: str) -> dict[str, Any]:
        """A code with its titles, notes, parents and children."""
        return dict(await self._sending.get(f"/v1/nomenclature/{quote(code, safe='')}"))


class Client(_Common):
    """The classifier's service. Use it with `with`, or call `close` at the end.

    Requests run in a thread of their own, so that it works in notebooks too.
    """

    _sending: Sender
    _portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections. The next call opens new ones."""
        if self._portal:
            self._portal = None
            self._stack.close()

    def classify(
        self,
        text: str,
        *,
        language: str = "",
        side: Mapping[str, str] | None = None,
        top: int = 5,
        level: int | None = None,
        threshold: float | None = None,
    ) -> Prediction:
        """The answer for one text: at most `top` codes, at a level, automatic from a threshold.

        `language` is the text's (ISO 639-1), guessed where it is empty; `side` are the variables
        beside the text that the model declares. Without `threshold` the one proved for the model
        counts. Raises ClientError where the text is refused.
        """
        item = TextItem(text, language, dict(side or {}))
        (batch,) = cut([item], self._limits)
        portal = self._open()
        return _one(portal.call(self._sending.classify, batch, Options(top, level, threshold)))

    def classify_many(
        self,
        texts: Iterable[Text],
        *,
        language: str = "",
        top: int = 5,
        level: int | None = None,
        threshold: float | None = None,
        progress: bool = False,
    ) -> Iterator[Answer]:
        """The answers for any number of texts, in their order, as they come.

        Texts are strings, or TextItems with a language and side variables of their own; None and
        NaN are empty texts. They are read a few batches ahead, so that memory does not grow with
        them. A text that the service refuses (too long, say) has a Refusal in its place; the others
        have their Prediction. `progress` draws a bar on a terminal.

        Raises ClientError where everything would be refused (an unknown key, a level that is not
        there), and ServiceAway where the service is away for longer than `patience`.
        """
        options = Options(top, level, threshold, language)
        portal = self._open()
        waiting: deque[Any] = deque()
        batches = cut(texts, self._limits)

        def send(batch: Batch) -> Any:
            return portal.start_task_soon(self._sending.classify, batch, options)

        try:
            with _drawn(progress, texts) as tell:
                while _fill(waiting, batches, self._window, send):
                    answers: list[Answer] = waiting.popleft().result()
                    tell(len(answers))
                    yield from answers
        finally:
            for future in waiting:
                future.cancel()

    def model(self) -> dict[str, Any]:
        """The model that serves: version, figures, threshold and its guarantee, card."""
        return dict(self._get("/v1/model"))

    def search(self, words: str, limit: int = 20) -> list[dict[str, Any]]:
        """Codes whose titles or notes have these words, best first."""
        return list(self._get("/v1/nomenclature", q=words, limit=limit)["codes"])

    def code(self, code: str) -> dict[str, Any]:
        """A code with its titles, notes, parents and children."""
        return dict(self._get(f"/v1/nomenclature/{quote(code, safe='')}"))

    def _get(self, path: str, **query: str | int) -> Any:
        async def get() -> Any:
            return await self._sending.get(path, **query)

        return self._open().call(get)

    def _open(self) -> BlockingPortal:
        if self._portal is None:
            with ExitStack() as stack:
                self._portal = stack.enter_context(start_blocking_portal())
                self._sending = self._portal.call(_async(self._sender))
                # Nobody waits for what is still under way.
                stack.callback(self._portal.call, self._portal.stop, True)
                stack.callback(self._portal.call, self._sending.close)
                self._stack = stack.pop_all()
        return self._portal


def _async(make: Callable[[], Found]) -> Callable[[], Coroutine[Any, Any, Found]]:
    """Make something in the event loop that it belongs to."""

    async def made() -> Found:
        return make()

    return made


def _one(answers: list[Answer]) -> Prediction:
    (answer,) = answers
    if isinstance(answer, Refusal):
        raise ClientError(
            answer.detail, status=answer.status, kind=answer.kind, request_id=answer.request_id
        )
    return answer


def _fill(
    waiting: deque[Found], batches: Iterator[Batch], window: int, send: Callable[[Batch], Found]
) -> bool:
    """Send batches until the window is full; False when there is nothing to wait for."""
    while len(waiting) < window and (batch := next(batches, None)):
        waiting.append(send(batch))
    return bool(waiting)


@contextmanager
def _drawn(wanted: bool, texts: Iterable[Text]) -> Iterator[Tell]:
    """What is told how many more texts are answered."""
    if not wanted:
        yield lambda more: None
        return
    from nacelle.nace.bar import bar

    total = len(texts) if isinstance(texts, Sized) else 0
    done = 0
    with bar("classify") as draw:

        def tell(more: int) -> None:
            nonlocal done
            done += more
            draw(done / total if total else 0.0, f"{done:,} texts")

        yield tell
