"""The parts of the platform on one machine: what runs each, how to see that it answers. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nacelle.layout import Layout
from nacelle.prefixes import JOBS_PREFIX, MLFLOW_PREFIX, NACE_PREFIX


@dataclass(frozen=True)
class Part:
    """One supervised process. `health` is a loopback URL that answers 2xx when the part works."""

    name: str
    title: str
    command: tuple[str, ...]
    health: str | None
    # Started in this order, stopped in the reverse; the proxy stays open to the last.
    priority: int
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def make_parts(layout: Layout, hub_config: Path, secrets: Mapping[str, str]) -> tuple[Part, ...]:
    """The parts of `layout` that run here. `secrets` holds each service's hub token by its name."""
    elsewhere = set() if layout.has_hub else {"proxy", "hub", "culler"}
    if layout.settings.store.kind == "external":
        elsewhere.add("store")
    parts = _all_parts(layout, hub_config, secrets)
    return tuple(part for part in parts if part.name not in elsewhere)


def _all_parts(layout: Layout, hub_config: Path, secrets: Mapping[str, str]) -> tuple[Part, ...]:
    python = (sys.executable, "-m")
    binaries = Path(sys.executable).parent
    sessions = layout.settings.sessions
    return (
        Part(
            "proxy",
            "proxy (traefik)",
            (str(binaries / "traefik"), f"--configfile={layout.folder('proxy') / 'traefik.toml'}"),
            layout.address("proxy-api") + "/ping",
            10,
        ),
        Part(
            "store",
            "S3 store (Swift)",
            (*python, "nacelle.storage.embedded"),
            layout.address("store") + "/healthcheck",
            20,
        ),
        Part(
            "hub",
            "hub (JupyterHub)",
            (str(binaries / "jupyterhub"), "-f", str(hub_config / "jupyterhub_config.py")),
            layout.address("hub") + "/hub/health",
            30,
        ),
        Part(
            "broker",
            "keys (broker)",
            (*python, "nacelle.credentials.broker", f"--host={layout.listens_on('broker')}"),
            layout.broker_url + "/health",
            40,
            service_environment(layout, "broker", secrets["broker"]),
        ),
        Part(
            "mlflow",
            "tracking (MLflow)",
            (*python, "nacelle.proxy.tracking"),
            layout.address("mlflow") + f"{MLFLOW_PREFIX}/health",
            40,
            service_environment(layout, "mlflow", secrets["mlflow"]),
        ),
        Part(
            "mlflow-door",
            "door to MLflow",
            (*python, "nacelle.proxy.door"),
            layout.address("mlflow-door") + f"{MLFLOW_PREFIX}/health",
            40,
            service_environment(layout, "mlflow", secrets["mlflow"]),
        ),
        Part(
            "nace",
            "classifier",
            (*python, "nacelle.nace.serving"),
            layout.address("nace") + f"{NACE_PREFIX}/healthz",
            40,
            # More threads of linear algebra would only be in the way of the other processes.
            service_environment(layout, "nace", secrets["nace"]) | {"OPENBLAS_NUM_THREADS": "1"},
        ),
        Part(
            "nace-keeper",
            "classifier's models and records",
            (*python, "nacelle.nace.serving.keeper"),
            None,
            50,
            service_environment(layout, "nace", secrets["nace"]),
        ),
        Part(
            "jobs",
            "jobs",
            (*python, "nacelle.jobs.service"),
            layout.address("jobs") + f"{JOBS_PREFIX}/health",
            40,
            service_environment(layout, "jobs", secrets["jobs"]),
        ),
        Part(
            "jobs-engine",
            "jobs' schedules and runs",
            (*python, "nacelle.jobs.engine"),
            None,
            50,
            service_environment(layout, "jobs-engine", secrets["jobs-engine"]),
        ),
        Part(
            "culler",
            "idle servers' end",
            (
                *python,
                "nacelle.local.after",
                layout.address("hub") + "/hub/health",
                *python,
                "jupyterhub_idle_culler",
                f"--timeout={sessions.idle_timeout}",
                f"--max-age={sessions.max_age}",
                f"--cull-every={min(300, max(5, sessions.idle_timeout // 4))}",
            ),
            None,
            50,
            service_environment(layout, "culler", secrets["culler"]),
        ),
    )


def service_environment(layout: Layout, name: str, token: str) -> dict[str, str]:
    """What JupyterHub gives to a service that it starts itself; ours are supervised outside it."""
    return {
        "JUPYTERHUB_SERVICE_NAME": name,
        "JUPYTERHUB_API_TOKEN": token,
        "JUPYTERHUB_API_URL": layout.hub_api,
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_SERVICE_PREFIX": f"/services/{name}/",
        "JUPYTERHUB_CLIENT_ID": f"service-{name}",
        "JUPYTERHUB_OAUTH_SCOPES": f'["access:services!service={name}"]',
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": f'["access:services!service={name}"]',
        "NACELLE_BROKER_URL": layout.broker_url,
    }


def make_supervisor_conf(layout: Layout, parts: tuple[Part, ...], socket: Path) -> str:
    """The configuration of supervisord (http://supervisord.org/configuration.html).

    It holds the services' tokens: write it 0600.
    """
    lines = [
        "[unix_http_server]",
        f"file={_value(str(socket))}",
        "chmod=0600",
        "[supervisord]",
        f"logfile={_value(str(layout.logs / 'supervisor.log'))}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        f"pidfile={_value(str(layout.run / 'supervisor.pid'))}",
        f"childlogdir={_value(str(layout.logs))}",
        "nodaemon=true",
        "silent=true",
        "umask=077",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl={_value('unix://' + str(socket))}",
    ]
    for part in parts:
        lines += _program(layout, part)
    return "\n".join(lines) + "\n"


def _program(layout: Layout, part: Part) -> list[str]:
    environment = {"NACELLE_PART": part.name, **part.environment}
    # Single quotes: a value may hold JSON.
    pairs = ",".join(f"{name}='{_value(value)}'" for name, value in environment.items())
    command = " ".join(_quoted(_value(word)) for word in part.command)
    return [
        f"[program:{part.name}]",
        f"command={command}",
        f"environment={pairs}",
        f"directory={_value(str(layout.run))}",
        f"priority={part.priority}",
        "autorestart=true",
        # A part whose neighbour is down may die a few times; it must not be given up.
        "startretries=1000",
        "startsecs=2",
        "stopwaitsecs=15",
        "redirect_stderr=true",
        # supervisord expands this one twice.
        f"stdout_logfile={_value(_value(str(layout.logs / (part.name + '.log'))))}",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=3",
    ]


def _value(text: str) -> str:
    """supervisord expands %(name)s."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """supervisord splits commands with shlex and takes ' ;' as a comment."""
    if all(character.isalnum() or character in "-_=./:,+@" for character in word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
