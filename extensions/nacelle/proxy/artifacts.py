"""The server's artifact store without the links that would lead around the server."""

from __future__ import annotations

from typing import Any

from mlflow.entities import FileInfo
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository


class ProxiedS3(ArtifactRepository):  # type: ignore[misc]
    """Artifacts on S3, all of whose bytes pass through the server.

    MLflow's own class also offers presigned and multipart links. The server would announce them,
    clients would then use nothing else, and each link carries the server's rights on its bucket.
    """

    def __init__(self, artifact_uri: str, *rest: Any, **named: Any) -> None:
        super().__init__(artifact_uri, *rest, **named)
        self._store = S3ArtifactRepository(artifact_uri, *rest, **named)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        self._store.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        self._store.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        found: list[FileInfo] = self._store.list_artifacts(path)
        return found

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        self._store._download_file(remote_file_path, local_path)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        self._store.delete_artifacts(artifact_path)


def register_artifacts() -> None:
    """Make MLflow's server in this process use the class of this module for s3:// addresses."""
    artifact_repository_registry._artifact_repository_registry.register("s3", ProxiedS3)
