"""Things of one person that nobody else may reach, and requests that try."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import mlflow
from mlflow.pyfunc import PythonModel
from mlflow.server import handlers

from .running import Hub

# Stands in everything the owner keeps, and in no request of anybody else.
WORDS = "the owner's own words"


class Model(PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return model_input


@dataclass(frozen=True)
class World:
    """The names by which somebody else may try to reach it."""

    experiment_id: str
    experiment_name: str
    run_id: str
    model: str
    model_id: str
    trace_id: str
    dataset_id: str
    space: str

    @property
    def artifact_path(self) -> str:
        return f"{self.experiment_id}/{self.run_id}/artifacts/secret.txt"


def make_world(hub: Hub, user: str = "alice", space: str = "user-alice") -> World:
    """Everything MLflow keeps, once, in one of somebody's spaces."""
    with hub.as_user(user, space), tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "secret.txt"
        secret.write_text(WORDS)
        experiment = mlflow.set_experiment("alices-experiment")
        mlflow.set_experiment_tag("note", WORDS)
        with mlflow.start_run(tags={"note": WORDS}) as run:
            mlflow.log_param("words", WORDS)
            mlflow.log_metric("loss", 0.5)
            mlflow.log_artifact(str(secret))
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=Model(),
                registered_model_name="alices-model",
                metadata={"note": WORDS},
            )
        client = mlflow.MlflowClient()
        client.update_registered_model("alices-model", WORDS)
        client.set_registered_model_alias("alices-model", "champion", "1")

        @mlflow.trace(name="traced", attributes={"note": WORDS})
        def traced(text: str) -> str:
            return text

        traced(WORDS)
        mlflow.flush_trace_async_logging()
        trace = mlflow.search_traces(return_type="list")[0]
        data = mlflow.genai.datasets.create_dataset(
            name="alices-data", experiment_id=experiment.experiment_id, tags={"note": WORDS}
        )
        data.merge_records([{"inputs": {"text": WORDS}}])
        return World(
            experiment.experiment_id,
            "alices-experiment",
            run.info.run_id,
            "alices-model",
            logged.model_id,
            trace.info.trace_id,
            data.dataset_id,
            space,
        )


def state(client: httpx.Client, world: World) -> list[Any]:
    """What the owner reads of it: the same before and after somebody else has tried."""
    asked = [
        ("experiments/get", {"experiment_id": world.experiment_id}),
        ("runs/get", {"run_id": world.run_id}),
        ("artifacts/list", {"run_id": world.run_id}),
        ("registered-models/get", {"name": world.model}),
        ("registered-models/alias", {"name": world.model, "alias": "champion"}),
        ("model-versions/search", {}),
        (f"logged-models/{world.model_id}", {}),
        ("metrics/get-history", {"run_id": world.run_id, "metric_key": "loss"}),
    ]
    found = []
    for path, query in asked:
        answer = client.get(f"/api/2.0/mlflow/{path}", params=query)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    for path in (f"traces/{world.trace_id}", f"datasets/{world.dataset_id}"):
        answer = client.get(f"/api/3.0/mlflow/{path}")
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    answer = client.get("/get-artifact", params={"run_id": world.run_id, "path": "secret.txt"})
    assert answer.text == WORDS
    return found


def fields(world: World) -> dict[str, Any]:
    """Every field that any request has, naming things of the owner."""
    return {
        "experiment_id": world.experiment_id,
        "experiment_ids": [world.experiment_id],
        "experiment_name": world.experiment_name,
        "run_id": world.run_id,
        "run_uuid": world.run_id,
        "run_ids": [world.run_id],
        "name": world.model,
        "new_name": "taken",
        "version": "1",
        "alias": "champion",
        "model_id": world.model_id,
        "trace_id": world.trace_id,
        "trace_ids": [world.trace_id],
        "request_id": world.trace_id,
        "request_ids": [world.trace_id],
        "dataset_id": world.dataset_id,
        "key": "note",
        "value": "changed",
        "metric_key": "loss",
        "metric_keys": ["loss"],
        "path": "secret.txt",
        "artifact_path": world.artifact_path,
        "description": "changed",
        "stage": "Production",
        "status": "FINISHED",
        "timestamp": 1,
        "step": 1,
        "max_timestamp_millis": 32503680000000,
        "start_index": 0,
        "end_index": 10,
        "max_results": 100,
        "source": f"runs:/{world.run_id}/model",
        "tags": [{"key": "note", "value": "changed"}],
        "params": [{"key": "words2", "value": "changed"}],
        "metrics": [{"key": "loss", "value": 9, "timestamp": 1, "step": 9}],
        "models": [{"model_id": world.model_id, "step": 0}],
        "assessment": {
            "assessment_name": "right",
            "trace_id": world.trace_id,
            "source": {"source_type": "HUMAN", "source_id": "somebody"},
            "feedback": {"value": True},
        },
        "update_mask": "feedback",
        "records": '[{"inputs": {"text": "changed"}}]',
        "trace": {
            "trace_info": {
                "trace_id": world.trace_id,
                "trace_location": {
                    "type": "MLFLOW_EXPERIMENT",
                    "mlflow_experiment": {"experiment_id": world.experiment_id},
                },
                "request_time": "2026-01-01T00:00:00Z",
                "state": "ERROR",
            }
        },
        "datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "s", "source": "{}"}}],
        "model_type": "changed",
        "locations": [
            {
                "type": "MLFLOW_EXPERIMENT",
                "mlflow_experiment": {"experiment_id": world.experiment_id},
            }
        ],
    }


# Where a request needs another form of a field than the others do.
_PARTICULAR: dict[str, dict[str, Any]] = {
    "/runs/log-metric": {"value": 9},
    "/runs/log-model": {"model_json": '{"run_id": "x"}'},
    "/datasets/create": {"tags": '{"note": "changed"}'},
    "/tags": {"tags": '{"note": "changed"}'},
    "/delete-traces": {"max_timestamp_millis": None},
    "/logged-models/search": {"datasets": None},
    "/link-prompts": {"prompt_versions": [{"name": "alices-model", "version": "1"}]},
    "/calculate-filter-correlation": {
        "filter_string1": "attributes.status = 'OK'",
        "filter_string2": "attributes.status = 'OK'",
    },
    "/traces/metrics": {
        "view_type": "TRACES",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
    },
}


def body(path: str, everything: dict[str, Any]) -> dict[str, Any]:
    """The fields as this request wants them."""
    found = dict(everything)
    for ending, particular in _PARTICULAR.items():
        if path.endswith(ending) and "logged-models/m-" not in path:
            found |= particular
    return {name: value for name, value in found.items() if value is not None}


def query(everything: dict[str, Any]) -> dict[str, Any]:
    """The fields that may stand in an address: words, numbers and lists of words."""

    def may(value: Any) -> bool:
        return isinstance(value[0], str) if isinstance(value, list) else not isinstance(value, dict)

    return {name: value for name, value in everything.items() if may(value)}


def requests(world: World) -> list[tuple[str, str]]:
    """Every route of MLflow, the allowed and the others, with the owner's things in its path."""
    known = {
        "run_id": world.run_id,
        "model_id": world.model_id,
        "trace_id": world.trace_id,
        "request_id": world.trace_id,
        "dataset_id": world.dataset_id,
        "workspace_name": world.space,
        "artifact_path": world.artifact_path,
        "tag_key": "note",
        "key": "note",
    }
    extra = [
        ("/get-artifact", None, ["GET"]),
        ("/model-versions/get-artifact", None, ["GET"]),
        ("/ajax-api/2.0/mlflow/metrics/get-history-bulk", None, ["GET"]),
        ("/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", None, ["GET"]),
        ("/ajax-api/2.0/mlflow/experiments/search-datasets", None, ["POST"]),
        ("/ajax-api/2.0/mlflow/runs/create-promptlab-run", None, ["POST"]),
        ("/ajax-api/2.0/mlflow/upload-artifact", None, ["POST"]),
        ("/ajax-api/2.0/mlflow/get-trace-artifact", None, ["GET"]),
        ("/ajax-api/3.0/mlflow/get-trace-artifact", None, ["GET"]),
        ("/ajax-api/2.0/mlflow/logged-models/<model_id>/artifacts/files", None, ["GET"]),
        ("/v1/traces", None, ["POST"]),
        ("/metrics", None, ["GET"]),
    ]

    def filled(path: str) -> str:
        return re.sub(
            r"<(?:\w+:)?(\w+)>", lambda match: known.get(match[1], world.experiment_id), path
        )

    return [
        (method, filled(path))
        for path, _, methods in [*handlers.get_endpoints(), *extra]
        for method in methods
    ]
