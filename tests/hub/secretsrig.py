"""A hub with a vault: the broker's own process and a real OpenBao, set up by the guide."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
from hubrig import Platform

from nacelle.local.parts import service_environment
from nacelle.secrets import read_secret
from tests.support.vault import OpenBao
from tests.support.waiting import free_base, wait_for


class SecretsPlatform(Platform):
    """A platform whose people keep secrets; a context manager."""

    def __init__(self, folder: Path, bao: OpenBao) -> None:
        super().__init__(folder, free_base(), vault={"url": bao.url})
        self.bao = bao


class Broker:
    """The broker of a platform as the supervisor starts it; a context manager."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.url = platform.layout.broker_url
        self.log = platform.folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def start(self) -> None:
        layout = self._platform.layout
        token = read_secret(layout, "service.broker.token")
        environment = service_environment(layout, "broker", token) | {
            "NACELLE_SETTINGS": str(self._platform.file),
            "PATH": os.environ["PATH"],
        }
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "nacelle.credentials.broker"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_for(self._answers, 60, "the broker's answer")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def running(folder: Path) -> Iterator[tuple[SecretsPlatform, Broker]]:
    """All of it, set up by the guide's commands."""
    (folder / "bao").mkdir()
    with (
        OpenBao(folder / "bao") as bao,
        SecretsPlatform(folder, bao) as platform,
        Broker(platform) as broker,
    ):
        bao.set_up(broker.url)
        yield platform, broker
