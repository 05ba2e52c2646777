"""MLflow and its door die and come back; what was logged stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from nacelle.layout import Layout
from nacelle.proxy.tracking import server_environment, start_environment
from nacelle.secrets import ensure_secrets
from nacelle.settings import Settings, load_settings
from tests.support.waiting import free_base

from .running import Hub, until
from .world import World, state

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_mlflow_comes_back_with_everything(
    hub: Hub, world: World, alice: httpx.Client, signum: signal.Signals
) -> None:
    before = state(alice, world)
    children = psutil.Process(hub.pid("mlflow")).children(recursive=True)
    hub.stop("mlflow", signum)
    assert not [child for child in children if child.is_running()]
    down = alice.get(SEARCH)
    assert down.status_code == 503
    assert "MLflow does not answer" in down.json()["message"]
    page = alice.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "MLflow does not answer" in page.text and page.text.startswith("<!doctype html>")
    hub.start("mlflow")
    hub.wait("mlflow")
    assert state(alice, world) == before


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_the_door_comes_back(hub: Hub, alice: httpx.Client, signum: signal.Signals) -> None:
    assert alice.get(SEARCH).status_code == 200
    hub.stop("mlflow-door", signum)
    hub.start("mlflow-door")
    hub.wait("mlflow-door")
    assert alice.get(SEARCH).status_code == 200


@pytest.mark.drill
def test_workers_end_with_the_server_that_started_them(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        yaml.safe_dump({"data_dir": "data", "port": free_base(), "tracking": {"workers": 2}})
    )
    layout = Layout(load_settings(file))
    layout.data.mkdir()
    ensure_secrets(layout)
    names = {
        "PATH": os.environ["PATH"],
        "NACELLE_SETTINGS": str(file),
        "NACELLE_MLFLOW_ARTIFACTS": str(tmp_path / "artifacts"),
    }
    command = [sys.executable, "-m", "nacelle.proxy.tracking"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, env=names, stdout=log, stderr=log)
    address = f"{layout.address('mlflow')}/services/mlflow/health"
    workers: list[psutil.Process] = []

    def answers() -> bool:
        try:
            return httpx.get(address, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        until(answers, 90, lambda: (tmp_path / "log").read_text()[-3000:])
        workers = psutil.Process(server.pid).children(recursive=True)
        assert len(workers) >= 2
    finally:
        server.kill()
        server.wait()
    until(lambda: not any(worker.is_running() for worker in workers))
    assert not answers()


def test_what_is_inherited_does_not_change_the_server(tmp_path: Path) -> None:
    environ = {
        "MLFLOW_WORKSPACE": "user-alice",
        "MLFLOW_TRACKING_TOKEN": "token",
        "AWS_ACCESS_KEY_ID": "key",
        "NACELLE_MLFLOW_ARTIFACTS": str(tmp_path),
        "HOME": "/home/somebody",
    }
    settings = Settings(data_dir=tmp_path, port=9000)
    names = start_environment(settings, environ)
    assert set(environ) == {"HOME", "NACELLE_MLFLOW_ARTIFACTS"}
    assert names == server_environment(settings, str(tmp_path))
    assert names["MLFLOW_SERVER_ALLOWED_HOSTS"] == "127.0.0.1:9004"
    assert names["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_artifacts_lie_in_the_services_bucket_unless_told(tmp_path: Path) -> None:
    names = server_environment(Settings(data_dir=tmp_path))
    assert names["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] == "s3://service-mlflow/artifacts"


def test_no_log_holds_a_token(hub: Hub) -> None:
    token = hub.token("alice")
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        client.get(hub.mlflow + SEARCH)
        client.get(f"{hub.mlflow}/api/2.0/mlflow/runs/get?run_id=x&token={token}")
    door = hub.log("mlflow-door").read_text()
    until(lambda: "/runs/get" in hub.log("mlflow-door").read_text())
    secret = (hub.layout.secrets / "mlflow.secret").read_text()
    for text in (door, hub.log("mlflow").read_text()):
        assert token not in text and secret not in text
        assert "Bearer " not in text and "X-Nacelle-Identity" not in text
    lines = [line for line in door.splitlines() if '"message": "request"' in line]
    assert all(yaml.safe_load(line)["request"] for line in lines)
