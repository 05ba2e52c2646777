"""The service as `nacelle up` runs it, alone: real processes, a real model, no hub."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import psutil
import yaml

from nacelle.layout import Layout
from nacelle.nace.classifier import Classifier
from nacelle.nace.records import PredictionRecord
from nacelle.nace.serving.access import SCOPES, open_access
from nacelle.nace.serving.champion import Current, publish
from nacelle.nace.serving.keys import Allowance
from nacelle.nace.threshold_file import ThresholdFile
from nacelle.prefixes import NACE_PREFIX
from nacelle.secrets import ensure_secrets
from nacelle.settings import load_settings
from tests.support.waiting import free_base, wait_for

_PLENTY = 1_000_000
# Made once: each client would take as long to make its own as for a hundred requests.
_TLS = ssl.create_default_context()


class RunningService:
    """Started with `start`, stopped at the end; `nace` are settings of the section of that name."""

    def __init__(self, folder: Path, **nace: Any) -> None:
        self.file = folder / "settings.yaml"
        raw = {"data_dir": str(folder / "data"), "port": free_base(), "nace": nace}
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        self.settings = load_settings(self.file)
        self.layout = Layout(self.settings)
        self.folder = self.layout.folder("nace")
        self.models = self.folder / "models"
        self.models.mkdir(parents=True)
        ensure_secrets(self.layout)
        self.url = self.layout.address("nace") + NACE_PREFIX
        self.key = self.make_key("tests")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def make_key(
        self,
        name: str,
        rate: float = _PLENTY,
        burst: int = _PLENTY,
        daily_quota: int = 0,
        scope: str | None = None,
    ) -> str:
        """An API key with one scope, or all."""
        access = open_access(self.settings.nace, self.folder, None, "")
        try:
            scopes = frozenset({scope} if scope else SCOPES)
            allowed = Allowance(scopes, rate, burst, daily_quota)
            return access.keys.make("alice", name, allowed, None)[1]
        finally:
            access.keys.close()
            access.counters.close()

    def publish(
        self, model: Path, registry_version: str = "1", threshold: ThresholdFile | None = None
    ) -> Current:
        """Let the model in a folder serve, as the keeper does."""
        version = Classifier.load(model).version
        name = f"{registry_version}-{version}"
        if not (self.models / name).exists():
            shutil.copytree(model, self.models / name)
        current = Current(
            folder=name,
            uri="models:/nace@champion",
            registry_version=registry_version,
            model_version=version,
            taken="2026-01-01T00:00:00+00:00",
            threshold=threshold,
        )
        publish(self.models, current)
        return current

    def start(self, ready: bool = True, limits: str = "") -> None:
        """Start it and wait until it answers; `limits` is a shell's ulimit command before it."""
        command = [sys.executable, "-m", "nacelle.nace.serving"]
        if limits:
            command = ["bash", "-c", f'{limits} && exec "$@"', "limited", *command]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={
                    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                    "NACELLE_SETTINGS": str(self.file),
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdout=log,
                stderr=log,
            )
        wait_for(self._is_ready if ready else self._answers, 60, "the service")

    def stop(self) -> None:
        """As the supervisor stops it."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    @property
    def process(self) -> psutil.Process:
        """The first process: it serves, or watches over those that do."""
        assert self._process
        return psutil.Process(self._process.pid)

    def workers(self) -> list[psutil.Process]:
        """The processes that serve."""
        children = [child for child in self.process.children() if _serves(child)]
        return children or [self.process]

    def client(self, **more: Any) -> httpx.Client:
        """HTTP with the key of the tests."""
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        asked = {"base_url": self.url, "headers": headers, "timeout": 60, **more}
        return httpx.Client(trust_env=False, verify=_TLS, **asked)

    def records(self) -> list[PredictionRecord]:
        """All records written so far."""
        decode = msgspec.json.Decoder(PredictionRecord).decode
        files = sorted((self.folder / "records").glob("*.jsonl"))
        return [decode(line) for file in files for line in file.read_bytes().splitlines()]

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _is_ready(self) -> bool:
        return self._answers() and httpx.get(f"{self.url}/readyz", trust_env=False).is_success


def _serves(child: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.Error:
        # It has just died.
        return False
