"""The keeper of the classifier's service: `python -m nacelle.nace.serving.keeper`.

A supervised part without a port. It follows the registry's alias, and has the records of the
answers compacted. What takes memory or may fail badly runs in processes of its own. SIGHUP lets it
look at once, at what was refused too.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.nace.serving import fetch
from nacelle.nace.serving.children import run
from nacelle.nace.serving.recorder import SUFFIX
from nacelle.nace.serving.registry import Registry, make_http
from nacelle.nace.serving.takeup import Fetch, TakeUp
from nacelle.prefixes import MLFLOW_PREFIX
from nacelle.settings import Settings, SettingsError, load_settings
from nacelle.storage.slug import project_bucket

MODELS, RECORDS = "models", "records"
_TOKEN = "JUPYTERHUB_API_TOKEN"
_FETCH_SECONDS = 600.0
_COMPACT_SECONDS = 3600.0
_DAY = 86_400.0
_SHOWN = 2000

Duty = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


async def every(seconds: float, duty: Duty, woken: asyncio.Event) -> None:
    """Do a duty, again `seconds` after it is done or when woken, until cancelled.

    A duty that fails is logged and has its next turn.
    """
    while True:
        woken.clear()
        try:
            await duty()
        except Exception:
            log.exception("a duty failed")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken.wait()


async def keep(settings: Settings, models: Path, token: str) -> None:
    """Do both duties side by side until SIGTERM or SIGINT; then end at once."""
    layout, nace = Layout(settings), settings.nace
    door, space = layout.address("mlflow-door"), project_bucket(nace.project)
    async with make_http(door, token, space) as http:
        taking = TakeUp(
            models,
            Registry(http, nace.model, nace.alias),
            fetcher(door + MLFLOW_PREFIX, token, space),
        )
        compacting = Compacting(models.parent / RECORDS, nace.records.keep_days)
        woken = asyncio.Event()
        duties = [
            asyncio.create_task(every(nace.check_seconds, taking.look, woken)),
            asyncio.create_task(every(nace.records.compact_seconds, compacting, asyncio.Event())),
        ]

        def wake() -> None:
            taking.forget()
            woken.set()

        def stop() -> None:
            for duty in duties:
                duty.cancel()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, wake)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        await asyncio.gather(*duties, return_exceptions=True)


def fetcher(address: str, token: str, space: str, seconds: float = _FETCH_SECONDS) -> Fetch:
    """What fetches in a process of its own, through MLflow at `address`, for at most `seconds`."""
    environment = fetch.environment(os.environ, address, token, space)

    async def fetched(uri: str, folder: Path) -> str:
        ended = await run(fetch.command(uri, folder), seconds, environment=environment)
        return ended.words

    return fetched


class Compacting:
    """Has records compacted when there are any, and old ones removed once a day."""

    def __init__(self, records: Path, keep_days: int) -> None:
        self._records = records
        self._removes = keep_days > 0
        self._last = -math.inf

    async def __call__(self) -> None:
        """A look costs nothing; the process that compacts takes seconds to load its libraries."""
        now = time.monotonic()
        removal = self._removes and now - self._last >= _DAY
        if not removal and not any(self._records.glob(f"*{SUFFIX}")):
            return
        self._last = now
        await compact()


async def compact() -> None:
    """Have closed files of records made into Parquet, once."""
    nacelle = str(Path(sys.executable).with_name("nacelle"))
    ended = await run([nacelle, "nace", "compact", "--json"], _COMPACT_SECONDS, capture=True)
    if ended.status != 0:
        reason = {"reason": ended.words, "errors": ended.errors[-_SHOWN:]}
        log.error("the records could not be compacted; they stay where they are", extra=reason)
        return
    try:
        summary = json.loads(ended.output)
    except ValueError:
        summary = ended.output[-_SHOWN:]
    log.info("records compacted", extra={"summary": summary})


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether this is the only keeper; the system lets go when the process ends in whatever way."""
    with (folder / "keeper.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def main() -> int:
    """Keep until told to stop; 1 where another keeper is at it, 2 where something is missing."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    token = os.environ.get(_TOKEN)
    if not token:
        print(f"{_TOKEN} is not set: `nacelle up` starts this part", file=sys.stderr)
        return 2
    log_to_stdout("nace-keeper")
    folder = Layout(settings).folder("nace")
    models = folder / MODELS
    models.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Those who answer people come first.
    os.nice(5)
    with alone(folder) as first:
        if not first:
            print(f"Another keeper looks after {folder}; stop it first.", file=sys.stderr)
            return 1
        asyncio.run(keep(settings, models, token))
    return 0


if __name__ == "__main__":
    sys.exit(main())
