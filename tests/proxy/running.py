"""A hub, a traefik, MLflow and its door, as real processes on loopback, for the tests here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import yaml

from nacelle.layout import Layout
from nacelle.secrets import ensure_secrets, read_secret
from nacelle.settings import load_settings
from tests.support.waiting import PATIENCE, free_base

ADMIN_TOKEN = "a-token-of-the-tests-that-may-administer"
MLFLOW_SCOPE = "access:services!service=mlflow"

_HUB_CONFIG = """
import os
from nacelle.layout import Layout
from nacelle.secrets import read_secret
from nacelle.settings import load_settings

layout = Layout(load_settings())
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = layout.address("hub")
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.cookie_secret_file = str(layout.secrets / "test.cookie")
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.any_allow_config = True
c.JupyterHub.proxy_class = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
c.TraefikProxy.traefik_api_url = layout.address("proxy-api")
c.TraefikProxy.traefik_api_password = "only-for-this-test"
c.TraefikProxy.traefik_api_username = "test"
c.JupyterHub.load_groups = {{
    "prix": {{"users": ["alice", "carol"]}},
    "nace": {{"users": ["dora"]}},
}}
c.JupyterHub.services = [
    {{
        "name": "mlflow",
        "url": layout.address("mlflow-door"),
        "api_token": read_secret(layout, "service.mlflow.token"),
        "oauth_client_id": "service-mlflow",
        "oauth_no_confirm": True,
    }},
    {{"name": "tests", "api_token": "{admin}", "admin": False}},
    {{"name": "nace", "api_token": read_secret(layout, "service.nace.token")}},
]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "{scope}"]}},
    {{"name": "nace", "services": ["nace"], "scopes": ["{scope}"]}},
    {{
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:groups", "tokens", "{scope}"],
    }},
]
"""


class Hub:
    """The processes, and what a test asks of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = folder / "settings.yaml"
        settings.write_text(yaml.safe_dump({"data_dir": "data", "port": free_base()}))
        self.layout = Layout(load_settings(settings))
        self.layout.data.mkdir()
        ensure_secrets(self.layout)
        (folder / "jupyterhub_config.py").write_text(
            _HUB_CONFIG.format(
                port=self.layout.port("proxy"), admin=ADMIN_TOKEN, scope=MLFLOW_SCOPE
            )
        )
        scripts = str(Path(sys.executable).parent)
        self._environment = {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(folder),
            "NACELLE_SETTINGS": str(settings),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.url = self.layout.address("proxy")
        self.mlflow = f"{self.url}/services/mlflow"
        self.direct = f"{self.layout.address('mlflow')}/services/mlflow"

    def start(self, part: str) -> None:
        """Start a part; `wait` says when it answers."""
        command, extra = {
            "hub": (["-m", "jupyterhub", "-f", "jupyterhub_config.py"], {}),
            "mlflow": (
                ["-m", "nacelle.proxy.tracking"],
                {"NACELLE_MLFLOW_ARTIFACTS": str(self.folder / "artifacts")},
            ),
            "mlflow-door": (["-m", "nacelle.proxy.door"], self._service_names()),
        }[part]
        with self.log(part).open("ab") as log:
            self._processes[part] = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env=self._environment | extra,
                stdout=log,
                stderr=log,
                # A group of its own, so that stopping it reaches all it started.
                start_new_session=True,
            )

    def _service_names(self) -> dict[str, str]:
        return {
            "JUPYTERHUB_SERVICE_NAME": "mlflow",
            "JUPYTERHUB_SERVICE_PREFIX": "/services/mlflow/",
            "JUPYTERHUB_API_TOKEN": read_secret(self.layout, "service.mlflow.token"),
            "JUPYTERHUB_API_URL": f"{self.layout.address('hub')}/hub/api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_CLIENT_ID": "service-mlflow",
        }

    def log(self, part: str) -> Path:
        return self.folder / f"{part}.log"

    def pid(self, part: str) -> int:
        return self._processes[part].pid

    def wait(self, part: str, seconds: float = 90) -> None:
        """Wait until a part answers. Raises AssertionError with the end of its log."""
        address = {
            "hub": f"{self.url}/hub/health",
            "mlflow": f"{self.direct}/health",
            "mlflow-door": f"{self.mlflow}/health",
        }[part]

        def answers() -> bool:
            if self._processes[part].poll() is not None:
                # As the supervisor would: the tests' ports may be taken for a moment by whoever
                # opens a connection, since the system gives them to anybody.
                self.start(part)
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(address, trust_env=False).status_code == 200
            return False

        until(answers, seconds, lambda: f"{part}: {self.log(part).read_text()[-3000:]}")

    def stop(self, part: str, signum: int = signal.SIGTERM) -> int:
        """Send a signal to the part's own process alone, and wait for its end."""
        process = self._processes.pop(part)
        process.send_signal(signum)
        return process.wait(30)

    def stop_all(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def hub_api(self, method: str, path: str, body: object = None) -> httpx.Response:
        answer = httpx.request(
            method,
            f"{self.url}/hub/api{path}",
            json=body,
            headers={"Authorization": f"token {ADMIN_TOKEN}"},
            timeout=30,
            trust_env=False,
        )
        assert answer.status_code < 400, answer.text
        return answer

    def token(self, user: str, scopes: tuple[str, ...] = (MLFLOW_SCOPE,)) -> str:
        """A hub token such as a user's server has."""
        body = {"scopes": list(scopes), "note": "test"}
        return str(self.hub_api("POST", f"/users/{user}/tokens", body).json()["token"])

    def client(self, user: str, space: str | None = None) -> httpx.Client:
        """Plain HTTP as this user's client sends it."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        if space:
            headers["X-MLFLOW-WORKSPACE"] = space
        return httpx.Client(base_url=self.mlflow, headers=headers, timeout=60, trust_env=False)

    def service(self, name: str, space: str | None = None) -> httpx.Client:
        """Plain HTTP as a hub service sends it."""
        headers = {"Authorization": f"Bearer {read_secret(self.layout, f'service.{name}.token')}"}
        if space:
            headers["X-MLFLOW-WORKSPACE"] = space
        return httpx.Client(base_url=self.mlflow, headers=headers, timeout=60, trust_env=False)

    @contextlib.contextmanager
    def as_user(self, user: str, space: str | None = None) -> Iterator[None]:
        """MLflow's own client in this process, as in this user's server."""
        names = {
            "MLFLOW_TRACKING_URI": self.mlflow,
            "MLFLOW_TRACKING_TOKEN": self.token(user),
            "MLFLOW_WORKSPACE": space,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ENABLE_ASYNC_LOGGING": None,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
            "LOGNAME": "eve",
            "USER": "eve",
        }
        before = {name: os.environ.get(name) for name in names}
        _forget_client_state()
        _set(names)
        try:
            yield
        finally:
            # The client tells later ones of its experiment, by a variable too.
            _forget_client_state()
            _set(before)


def _set(names: dict[str, str | None]) -> None:
    for name, value in names.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _forget_client_state() -> None:
    import mlflow
    from mlflow.tracking import fluent
    from mlflow.utils import workspace_context

    while mlflow.active_run() is not None:
        mlflow.end_run()
    # An address given to the client would come before the variable's.
    mlflow.set_tracking_uri(None)
    fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
    os.environ.pop("MLFLOW_RUN_ID", None)
    workspace_context._WORKSPACE.set(None)


def until(
    holds: Callable[[], bool], seconds: float = 20, says: Callable[[], str] = lambda: ""
) -> None:
    """Wait for a state."""
    end = time.monotonic() + seconds * PATIENCE
    while not holds():
        assert time.monotonic() < end, says() or "did not happen in time"
        time.sleep(0.1)
