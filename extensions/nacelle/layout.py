"""Where an installation on one machine keeps its files, and which port each part listens on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from nacelle.prefixes import BROKER_PREFIX
from nacelle.settings import Settings, load_settings

# Offsets from the platform's port. All but the first listen on loopback only.
PORTS = {
    "proxy": 0,
    "hub": 1,
    "proxy-api": 2,
    "store": 3,
    "mlflow": 4,
    "broker": 5,
    "mlflow-door": 6,
    "nace": 7,
    "jobs": 8,
}
# What the hub and its proxy call, from another pod where a chart runs them.
CALLED = frozenset({"broker", "mlflow-door", "nace", "jobs"})


@dataclass(frozen=True)
class Layout:
    """Folders, files and ports of one local installation; derived from its settings alone."""

    settings: Settings

    @property
    def data(self) -> Path:
        return self.settings.data_dir

    @property
    def instance(self) -> str:
        """Name of this installation among the machine's processes, the same at each start."""
        return hashlib.sha256(str(self.data).encode()).hexdigest()[:16]

    @property
    def secrets(self) -> Path:
        return self.data / "secrets"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def homes(self) -> Path:
        return self.data / "homes"

    def folder(self, part: str) -> Path:
        """State of one part, e.g. folder('hub')."""
        return self.data / part

    def port(self, part: str) -> int:
        return self.settings.port + PORTS[part]

    def address(self, part: str) -> str:
        """Loopback address of a part, without trailing slash."""
        scheme = "https" if part == "store" and self.settings.store.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port(part)}"

    @property
    def store_url(self) -> str:
        """Address of the S3 store, this platform's own or the office's; no trailing slash."""
        return self.settings.store.url or self.address("store")

    @property
    def store_authorities(self) -> str | None:
        """File with all authorities that programs here trust, where the store's is a private one;
        None where it is a public one."""
        private = self.settings.store.tls or self.settings.store.ca_file
        return str(self.ca_bundle) if private else None

    @property
    def has_hub(self) -> bool:
        """Whether hub, proxy and culler are parts of this installation, or a chart's."""
        return self.settings.cluster.hub_api_url is None

    @property
    def hub_api(self) -> str:
        """Address of the hub's API, without trailing slash."""
        return self.settings.cluster.hub_api_url or self.address("hub") + "/hub/api"

    def listens_on(self, part: str) -> str:
        """Address that a part other than the proxy and the store binds to."""
        return "127.0.0.1" if self.has_hub or part not in CALLED else "0.0.0.0"

    def seen_by_hub(self, part: str) -> str:
        """Address of a part as the hub calls it, without trailing slash."""
        host = self.settings.cluster.services_host
        return self.address(part) if self.has_hub else f"http://{host}:{self.port(part)}"

    @property
    def broker_url(self) -> str:
        """Address of the broker, which is its name as an OpenID issuer; without trailing slash."""
        return self.address("broker") + BROKER_PREFIX

    @property
    def ca_file(self) -> Path:
        """Certificate authority of the store, present when settings.store.tls."""
        return self.secrets / "tls" / "ca.pem"

    @property
    def ca_bundle(self) -> Path:
        """The store's authority beside those this machine trusts: what sessions trust."""
        return self.secrets / "tls" / "bundle.pem"


def running_settings(settings: Settings) -> Settings:
    """The settings that a running installation in the same data folder was started with."""
    frozen = Layout(settings).run / "settings.json"
    return load_settings(frozen) if frozen.exists() else settings
