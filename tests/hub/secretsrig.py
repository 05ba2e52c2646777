"""A hub with a vault: a real OpenBao, and the broker's routes for secrets asking the real hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubrig import Platform

from nacelle.credentials.secret_callers import SecretsDirectory
from nacelle.local.parts import service_environment
from nacelle.secrets import read_secret
from tests.support.secrets_broker import SecretsBroker
from tests.support.vault import OpenBao
from tests.support.waiting import free_base


class SecretsPlatform(Platform):
    """A platform whose people keep secrets; a context manager."""

    def __init__(self, folder: Path, bao: OpenBao) -> None:
        super().__init__(folder, free_base(), vault={"url": bao.url})
        self.bao = bao
        if overlay := os.environ.get("NACELLE_TEST_OVERLAY"):
            self.environment["PYTHONPATH"] = overlay

    def broker(self, set_up: bool = False) -> SecretsBroker:
        """The broker, which asks the hub whose token it is."""
        layout = self.layout
        token = read_secret(layout, "service.broker.token")
        directory = SecretsDirectory(service_environment(layout, "broker", token))
        return SecretsBroker(layout.settings, directory, self.bao if set_up else None)


@contextmanager
def running(folder: Path) -> Iterator[tuple[SecretsPlatform, SecretsBroker]]:
    """All of it, set up by the guide's commands."""
    (folder / "bao").mkdir()
    with (
        OpenBao(folder / "bao") as bao,
        SecretsPlatform(folder, bao) as platform,
        platform.broker(set_up=True) as broker,
    ):
        yield platform, broker
