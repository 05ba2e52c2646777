"""What a person's own client does through the door, from a run to a model loaded by its alias."""

from __future__ import annotations

from pathlib import Path

import mlflow
from mlflow.pyfunc import PythonModel

from .running import Hub


class Echo(PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return model_input


def test_a_client_logs_registers_and_loads_back(hub: Hub, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("hello")
    with hub.as_user("alice"):
        mlflow.set_experiment("first")
        with mlflow.start_run(run_name="one") as run:
            mlflow.log_param("depth", 3)
            for step in range(3):
                mlflow.log_metric("loss", 1 / (step + 1), step=step)
            mlflow.log_artifact(str(note), "notes")
            mlflow.pyfunc.log_model(name="model", python_model=Echo(), registered_model_name="nace")
        client = mlflow.MlflowClient()
        client.set_registered_model_alias("nace", "champion", "1")
        assert client.get_run(run.info.run_id).data.params == {"depth": "3"}
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 3
        found = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="notes/note.txt", dst_path=str(tmp_path / "back")
        )
        assert Path(found).read_text() == "hello"
        loaded = mlflow.pyfunc.load_model("models:/nace@champion")
        assert loaded.predict(["01.11"]) == ["01.11"]
    lies_in = hub.folder / "artifacts" / "workspaces" / "user-alice"
    assert list(lies_in.rglob("note.txt"))


def test_a_run_with_no_experiment_lies_in_the_default_of_the_own_space(hub: Hub) -> None:
    for user in ("alice", "bob"):
        with hub.as_user(user):
            with mlflow.start_run() as run:
                mlflow.log_metric("m", 1)
            experiment = mlflow.get_experiment(run.info.experiment_id)
            assert experiment.name == "Default"
            assert f"/workspaces/user-{user}/" in experiment.artifact_location


def test_two_people_may_give_the_same_names(hub: Hub) -> None:
    for user in ("alice", "bob"):
        with hub.as_user(user):
            mlflow.create_experiment("same name")
            mlflow.MlflowClient().create_registered_model("same model")


def test_a_trace_and_a_data_set_can_be_logged(hub: Hub) -> None:
    with hub.as_user("alice"):
        mlflow.set_experiment("traces")

        @mlflow.trace
        def code(text: str) -> str:
            return text[:2]

        code("0111")
        mlflow.flush_trace_async_logging()
        traces = mlflow.search_traces(return_type="list")
        assert [trace.data.spans[0].name for trace in traces] == ["code"]
        assert traces[0].info.tags["mlflow.user"] == "alice"


def test_a_project_is_a_space_that_its_members_share(hub: Hub) -> None:
    with hub.as_user("alice", space="projet-prix"):
        mlflow.set_experiment("shared")
        with mlflow.start_run() as run:
            mlflow.pyfunc.log_model(
                name="model", python_model=Echo(), registered_model_name="prices"
            )
    with hub.as_user("carol", space="projet-prix"):
        client = mlflow.MlflowClient()
        assert client.get_run(run.info.run_id).info.user_id == "alice"
        client.set_registered_model_alias("prices", "champion", "1")
        assert mlflow.pyfunc.load_model("models:/prices@champion").predict(["a"]) == ["a"]
        with mlflow.start_run() as hers:
            pass
        assert client.get_run(hers.info.run_id).info.user_id == "carol"
    with hub.as_user("carol"):
        assert mlflow.search_registered_models() == []


def test_a_person_sees_the_spaces_they_may_use(hub: Hub) -> None:
    with hub.as_user("carol"):
        names = [space.name for space in mlflow.list_workspaces()]
    assert names == ["user-carol", "projet-prix"]
