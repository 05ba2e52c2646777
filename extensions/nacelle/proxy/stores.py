"""MLflow's stores with the platform's rules: spaces of the caller, and names that the hub gave.

Every way into MLflow (API, pages, GraphQL, old and new versions) ends in a store, so a rule that
stands here cannot be gone around.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mlflow.entities import (
    DatasetInput,
    Experiment,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelTag,
    Metric,
    Param,
    Run,
    RunTag,
    TraceInfo,
    Workspace,
)
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2
from mlflow.server import handlers
from mlflow.store.model_registry.sqlalchemy_workspace_store import (
    WorkspaceAwareSqlAlchemyStore as RegistryStore,
)
from mlflow.store.tracking.sqlalchemy_workspace_store import (
    WorkspaceAwareSqlAlchemyStore as TrackingStore,
)
from mlflow.store.workspace.abstract_store import AbstractStore
from mlflow.tracking._workspace import registry as workspace_registry
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION, MLFLOW_USER

from nacelle.proxy.guard import caller

SPACES_URI = "nacelle://hub"

# Where a model version may lie: in a run, in a logged model, or in the server's own artifact store.
# MLflow then checks that it belongs to the named run or model of the same space.
_SOURCES = ("runs", "models", "mlflow-artifacts")
_PROMPT = "mlflow.prompt.is_prompt"

_Tag = TypeVar("_Tag", RunTag, LoggedModelTag, ModelVersionTag)


class Spaces(AbstractStore):  # type: ignore[misc]
    """The caller's spaces as MLflow workspaces. Kept nowhere: they follow from the hub's answer."""

    def __init__(self, workspace_uri: str) -> None:
        """MLflow gives the address under which this store is registered; there is only one."""

    def list_workspaces(self) -> list[Workspace]:
        return [Workspace(name, description=text) for name, text in caller().spaces.items()]

    def get_workspace(self, workspace_name: str) -> Workspace:
        text = caller().spaces.get(workspace_name)
        if text is None:
            raise MlflowException(
                f"Workspace {workspace_name!r} is not one of yours",
                databricks_pb2.RESOURCE_DOES_NOT_EXIST,
            )
        return Workspace(workspace_name, description=text)


class NamedTracking(TrackingStore):  # type: ignore[misc]
    """The tracking store in which the hub says who did what."""

    def get_experiment(self, experiment_id: str) -> Experiment:
        return super().get_experiment(self._experiment(experiment_id))

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: list[RunTag], run_name: str
    ) -> Run:
        name = caller().name
        return super().create_run(
            self._experiment(experiment_id), name, start_time, _named(RunTag, tags), run_name
        )

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        _refuse_name([tag])
        super().set_tag(run_id, tag)

    def log_metric(self, run_id: str, metric: Metric) -> None:
        self._own_models([metric])
        super().log_metric(run_id, metric)

    def log_batch(
        self, run_id: str, metrics: list[Metric], params: list[Param], tags: list[RunTag]
    ) -> None:
        _refuse_name(tags)
        self._own_models(metrics)
        super().log_batch(run_id, metrics, params, tags)

    def log_inputs(
        self,
        run_id: str,
        datasets: list[DatasetInput] | None = None,
        models: list[LoggedModelInput] | None = None,
    ) -> None:
        self._own_models(models or ())
        super().log_inputs(run_id, datasets, models)

    def log_outputs(self, run_id: str, models: list[LoggedModelOutput]) -> None:
        self._own_models(models)
        super().log_outputs(run_id, models)

    def delete_tag(self, run_id: str, key: str) -> None:
        _refuse_name([RunTag(key, "")])
        super().delete_tag(run_id, key)

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: list[LoggedModelTag] | None = None,
        *rest: Any,
        **named: Any,
    ) -> LoggedModel:
        if source_run_id:
            self.get_run(source_run_id)  # of this space, or MLflow's own error
        return super().create_logged_model(
            self._experiment(experiment_id),
            name,
            source_run_id,
            _named(LoggedModelTag, tags),
            *rest,
            **named,
        )

    def set_logged_model_tags(self, model_id: str, tags: list[LoggedModelTag]) -> None:
        _refuse_name(tags)
        super().set_logged_model_tags(model_id, tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        _refuse_name([LoggedModelTag(key, "")])
        super().delete_logged_model_tag(model_id, key)

    def start_trace(self, trace_info: TraceInfo) -> TraceInfo:
        trace_info.experiment_id = self._experiment(trace_info.experiment_id)
        trace_info.tags = {
            key: value for key, value in trace_info.tags.items() if not _places_trace(key)
        } | {MLFLOW_USER: caller().name}
        return super().start_trace(trace_info)

    def set_trace_tag(self, trace_id: str, key: str, value: str) -> None:
        _refuse_trace_tag(key)
        super().set_trace_tag(trace_id, key, value)

    def delete_trace_tag(self, trace_id: str, key: str) -> None:
        _refuse_trace_tag(key)
        super().delete_trace_tag(trace_id, key)

    def _own_models(self, named: Iterable[Metric | LoggedModelInput | LoggedModelOutput]) -> None:
        """Refuse models of another space: MLflow itself looks at the run alone."""
        for model_id in {item.model_id for item in named} - {None, ""}:
            self.get_logged_model(model_id)

    def _experiment(self, experiment_id: str) -> str:
        """The experiment meant: clients that name none send 0, which is each space's 'Default'."""
        if str(experiment_id or "0") != "0":
            return experiment_id
        return self._default_experiment()

    def _default_experiment(self) -> str:
        name = Experiment.DEFAULT_EXPERIMENT_NAME
        found = self.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.create_experiment(name))
            except MlflowException:
                # Somebody else of this space was faster.
                found = self.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)


class NamedRegistry(RegistryStore):  # type: ignore[misc]
    """The model registry in which versions point into their own space only."""

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: list[ModelVersionTag] | None = None,
        *rest: Any,
        model_id: str | None = None,
        **named: Any,
    ) -> ModelVersion:
        is_prompt = any(tag.key == _PROMPT and tag.value.lower() == "true" for tag in tags or ())
        if not is_prompt and urlsplit(source).scheme not in _SOURCES:
            raise _refusal(
                f"source {source!r}: a model version is made from a run or a logged model; log the"
                " model first, then register 'runs:/<run id>/<path>' or 'models:/<model id>'"
            )
        tracking = handlers._get_tracking_store()
        # Run and model must be of this space: MLflow's own error otherwise.
        if run_id:
            tracking.get_run(run_id)
        if model_id:
            tracking.get_logged_model(model_id)
        return super().create_model_version(
            name,
            source,
            run_id,
            _named(ModelVersionTag, tags),
            *rest,
            model_id=model_id,
            **named,
        )

    def set_model_version_tag(self, name: str, version: str, tag: ModelVersionTag) -> None:
        _refuse_name([tag])
        super().set_model_version_tag(name, version, tag)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        _refuse_name([ModelVersionTag(key, "")])
        super().delete_model_version_tag(name, version, key)


def register_stores() -> None:
    """Make MLflow's server in this process use the stores of this module."""
    handlers._tracking_store_registry.register(
        "sqlite", lambda store_uri, artifact_uri: NamedTracking(store_uri, artifact_uri)
    )
    handlers._model_registry_store_registry.register(
        "sqlite", lambda store_uri: NamedRegistry(store_uri)
    )
    workspace_registry._get_workspace_store_registry().register(urlsplit(SPACES_URI).scheme, Spaces)


def _named(kind: type[_Tag], tags: Iterable[_Tag] | None) -> list[_Tag]:
    others: list[_Tag] = [tag for tag in tags or () if tag.key != MLFLOW_USER]
    return [*others, kind(MLFLOW_USER, caller().name)]


def _refuse_name(tags: Iterable[RunTag | LoggedModelTag | ModelVersionTag]) -> None:
    if any(tag.key == MLFLOW_USER for tag in tags):
        raise _refusal(f"tag {MLFLOW_USER}: the platform sets it to who logged in; leave it out")


def _places_trace(key: str) -> bool:
    # These tags say where the server reads a trace's file: set freely, they read anybody's.
    return key in (MLFLOW_USER, MLFLOW_ARTIFACT_LOCATION) or key.startswith("mlflow.trace.archive")


def _refuse_trace_tag(key: str) -> None:
    if _places_trace(key):
        raise _refusal(f"tag {key}: the platform sets it; leave it out")


def _refusal(message: str) -> MlflowException:
    return MlflowException(message, databricks_pb2.INVALID_PARAMETER_VALUE)
