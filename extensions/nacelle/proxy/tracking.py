"""The MLflow server as one supervised part: `python -m nacelle.proxy.tracking`.

With one worker (the default) the server runs in this very process, so that a signal or a kill
reaches all there is. With more, this process holds the port and the workers end with it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import uvicorn

from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.prefixes import MLFLOW_PREFIX
from nacelle.settings import Settings, SettingsError, load_settings

SERVICE = "mlflow"

# Tests and a cluster's chart put artifacts elsewhere; the embedded store is the default.
ARTIFACTS_NAME = "NACELLE_MLFLOW_ARTIFACTS"


def server_environment(settings: Settings, artifacts: str | None = None) -> dict[str, str]:
    """What MLflow's command line would set for its server, and what turns off what we do not want.

    `artifacts` is where artifacts lie: an S3 address, or a folder.
    """
    layout = Layout(settings)
    folder = layout.folder("mlflow")
    database = f"sqlite:///{folder / 'mlflow.db'}"
    return {
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_REGISTRY_STORE": database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts or "s3://service-mlflow/artifacts",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_STATIC_PREFIX": MLFLOW_PREFIX,
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_WORKSPACE_STORE_URI": "nacelle://hub",
        # Only the door speaks to this port, by this name.
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"127.0.0.1:{layout.port('mlflow')}",
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "SAMEORIGIN",
        # Twice the memory, for jobs that this platform runs elsewhere.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_CONFIGURE_LOGGING": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def start_environment(
    settings: Settings, environ: MutableMapping[str, str] = os.environ
) -> dict[str, str]:
    """The names to set before MLflow is imported. Removes inherited ones that would change it."""
    for name in [name for name in environ if name.startswith(("MLFLOW_", "_MLFLOW_", "AWS_"))]:
        # A space, an address or a key from somebody's shell would apply to everybody.
        del environ[name]
    artifacts = environ.get(ARTIFACTS_NAME)
    names = server_environment(settings, artifacts)
    if artifacts is None:
        names |= _storage_environment(settings)
    return names


def _storage_environment(settings: Settings) -> dict[str, str]:
    """How MLflow reaches its bucket: renewing keys of its own identity, service:mlflow."""
    from nacelle.credentials.service import service_storage

    layout = Layout(settings)
    return service_storage(layout, SERVICE) | {"MLFLOW_S3_ENDPOINT_URL": layout.store_url}


def _serve(settings: Settings) -> None:
    port = Layout(settings).port("mlflow")
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "factory": True,
        "timeout_keep_alive": 60,
        # An upload that is still running must not keep a stop from ending.
        "timeout_graceful_shutdown": 8,
    }
    uvicorn.run("nacelle.proxy.server:application", workers=settings.tracking.workers, **options)


def main() -> int:
    """Run the server until it is told to stop."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    log_to_stdout("mlflow")
    # A line for each of a hundred steps that make the first database.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    Layout(settings).folder("mlflow").mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ.update(start_environment(settings))
    _serve(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
