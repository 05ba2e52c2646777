"""The hub of the Zero-to-JupyterHub chart, after our file of its configuration. Tier: none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kube_sessions import ROOT, make_settings
from traitlets.config import Config

from nacelle.hub.chart import configure_chart
from nacelle.settings import Settings

LABELS = {"hub.jupyter.org/network-access-hub": "true"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = make_settings(hub_api_url="http://hub:8081/hub/api")
    sessions = made.sessions.model_copy(update={"engine": "kubernetes"})
    return made.model_copy(update={"data_dir": tmp_path, "sessions": sessions})


@pytest.fixture
def c() -> Any:
    """What the chart has set before, as far as it matters here."""
    made = Config()
    made.JupyterHub.db_url = "postgresql://hub@db/hub"
    made.JupyterHub.services = [
        {
            "name": "jupyterhub-idle-culler",
            "command": [
                "python3",
                "-m",
                "jupyterhub_idle_culler",
                "--timeout=3600",
                "--cull-users",
            ],
        },
        {"name": "broker", "api_token": "the-chart-s"},
        {"name": "theirs", "url": "http://theirs"},
    ]
    made.JupyterHub.load_roles = [
        {
            "name": "jupyterhub-idle-culler",
            "scopes": ["list:users"],
            "services": ["jupyterhub-idle-culler"],
        }
    ]
    made.KubeSpawner.extra_labels = dict(LABELS)
    made.KubeSpawner.image = "the-chart-s/image"
    return made


def services(c: Any) -> dict[str, dict[str, Any]]:
    return {service["name"]: service for service in c.JupyterHub.services}


def test_what_the_chart_said_stays(c: Any, settings: Settings) -> None:
    """Case 1."""
    kept = c.JupyterHub.services
    configure_chart(c, settings, ROOT / "hub_config")
    assert c.JupyterHub.db_url == "postgresql://hub@db/hub"
    assert c.JupyterHub.services is kept
    assert services(c)["theirs"] == {"name": "theirs", "url": "http://theirs"}
    assert c.KubeSpawner.extra_labels == LABELS
    assert "extra_labels" not in c.KubeSession
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    assert roles["jupyterhub-idle-culler"]["scopes"] == ["list:users"]
    for name in ("cookie_secret", "bind_url", "hub_bind_url", "proxy_class"):
        assert name not in c.JupyterHub


def test_our_services_are_those_that_the_chart_names(c: Any, settings: Settings) -> None:
    """Case 2."""
    configure_chart(c, settings, ROOT / "hub_config")
    assert services(c)["broker"] == {
        "name": "broker",
        "api_token": "the-chart-s",
        "url": "http://nacelle-services:8005",
        "timeout": 1,
        "display": False,
    }
    assert services(c).keys() == {"jupyterhub-idle-culler", "broker", "theirs"}
    held = {name for role in c.JupyterHub.load_roles for name in role.get("services", ())}
    assert held == {"jupyterhub-idle-culler", "broker"}


def test_the_culler_gets_flags_that_it_takes(c: Any, settings: Settings) -> None:
    """Case 3."""
    configure_chart(c, settings, ROOT / "hub_config")
    assert services(c)["jupyterhub-idle-culler"]["command"] == [
        "python3",
        "-m",
        "jupyterhub_idle_culler",
        "--timeout=3600",
        "--cull-users=true",
    ]


def test_the_login_is_the_chart_s_unless_the_settings_name_one(c: Any, settings: Settings) -> None:
    """Case 4."""
    c.JupyterHub.authenticator_class = "dummy"
    configure_chart(c, settings, ROOT / "hub_config")
    assert c.JupyterHub.authenticator_class == "dummy"


def test_sessions_are_ours(c: Any, settings: Settings) -> None:
    configure_chart(c, settings, ROOT / "hub_config")
    assert c.JupyterHub.spawner_class == "nacelle.hub.kube_session.KubeSession"
    assert c.KubeSession.namespace == "sessions"
    assert "scopes" in next(role for role in c.JupyterHub.load_roles if role["name"] == "server")
