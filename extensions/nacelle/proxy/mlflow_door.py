"""The door to MLflow."""

from __future__ import annotations

from nacelle.layout import Layout
from nacelle.prefixes import MLFLOW_PREFIX as PREFIX
from nacelle.proxy.guard import AUDIENCE, SPACE_HEADER
from nacelle.proxy.passage import Behind
from nacelle.secrets import read_secret
from nacelle.storage.slug import project_bucket


def mlflow(layout: Layout) -> Behind:
    """MLflow as a door sees it."""
    return Behind(
        name="MLflow",
        audience=AUDIENCE,
        prefix=PREFIX,
        address=layout.address("mlflow"),
        secret=read_secret(layout, "mlflow.secret"),
        language=layout.settings.hub.language,
        headers=frozenset({SPACE_HEADER.lower()}),
        # The classifier's service takes its model from the space of its project.
        readers={"nace": project_bucket(layout.settings.nace.project)},
    )
