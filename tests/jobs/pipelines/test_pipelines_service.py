"""A pipeline over REST, as a job that holds it in its notebook's place; by the commands as well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from nacelle.credentials.identity import PROOF_HEADER, sign_proof
from nacelle.jobs.client import JobsClient, JobsError
from nacelle.jobs.commands import jobs
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Environment, Notebook, Snapshot
from nacelle.jobs.pipelines.bundle import read_bundle, write_bundle
from nacelle.jobs.pipelines.collecting import check
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord, write_record
from nacelle.jobs.pipelines.spreading import First, first_of
from nacelle.jobs.refusal import Refused
from nacelle.jobs.service.access import SERVICE
from nacelle.prefixes import JOBS_PREFIX
from tests.jobs.pipelines.pipelines import bundle
from tests.jobs.running.runs import notebook, parameters
from tests.jobs.serving import ALICE, BOB, SECRET, Served, serve

NACE = Path(__file__).parents[3] / "notebooks" / "pipelines" / "nace" / "pipeline.yaml"
TEXT = """
    name: two steps
    parameters:
      year: {default: 2026, help: the year, choices: [2025, 2026]}
    steps:
      - {name: one, notebook: a.ipynb, parameters: {year: "${parameters.year}"}}
      - {name: two, notebook: a.ipynb, needs: one}
"""
CELLS = ["year = 1", "print(year)"]
SNAPSHOT = Snapshot(
    notebook=Notebook(sha256="a" * 64, path="x.yaml"),
    environment=Environment(profile="python", kernel="python3"),
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path) as made:
        yield made


def send(served: Served, content: bytes) -> Any:
    return served.client.post(
        f"{JOBS_PREFIX}/v1/notebooks?path=work/pipeline.yaml",
        content=content,
        headers={PROOF_HEADER: sign_proof(ALICE, SERVICE, SECRET)},
    )


def brought(served: Served, **notebooks: Any) -> dict[str, Any]:
    answer = send(served, write_bundle(bundle(TEXT, **notebooks)))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def made(served: Served, **changes: Any) -> dict[str, Any]:
    found = brought(served, a=CELLS)
    reference = {"sha256": found["sha256"], "path": found["path"]}
    return served.make(ALICE, notebook=reference, **changes)


def test_a_pipeline_becomes_a_job(served: Served) -> None:
    found = brought(served, a=CELLS)
    assert (found["kernel"], found["language"], found["findings"]) == ("other", "", [])
    (field,) = found["form"]["fields"]
    assert (field["name"], field["type"], field["default"], field["help"], field["choices"]) == (
        "year", "whole", 2026, "the year", [2025, 2026],
    )  # fmt: skip
    job = made(served, parameters={"year": "2025"})["job"]
    assert job["parameters"] == {"year": {"type": "whole", "value": 2025}}
    asked = served.asked(ALICE, notebook=job["notebook"], parameters={"year": 1999})
    problem = served.refused(ALICE, "POST", "/jobs", asked)
    assert problem["errors"][0]["field"] == "parameters.year"


def test_what_is_wrong_is_told_with_its_line(served: Served) -> None:
    answer = send(served, write_bundle(bundle(TEXT.replace("needs: one", "needs: on"), a=CELLS)))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("pipeline.yaml:6:43: there is no step 'on'; did you")
    # What was wrong with a notebook is told as well, not that it took long.
    assert send(served, b"{}").json()["detail"].startswith("This file is no notebook")


def test_keys_in_any_of_its_files_are_found(served: Served) -> None:
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    content = write_bundle(bundle(f"{TEXT}    # {key}\n", a=[*CELLS, f"token = '{key}'"]))
    first, second = send(served, content).json()["findings"]
    assert (first["file"], first["line"]) == ("pipeline.yaml", 7)
    assert first["said"]["en"].startswith("pipeline.yaml, line 7: a GitHub token")
    assert (second["file"], second["cell"]) == ("a.ipynb", 3)
    assert second["said"]["en"].startswith("a.ipynb: Cell 3, line 1: a GitHub token")


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain | {"more": 1},
        lambda plain: plain | {"contents": {}},
        lambda plain: plain | {"contents": {**plain["contents"], "0" * 64: "{}"}},
        lambda plain: plain | {"contents": {digest: "{}" for digest in plain["contents"]}},
        lambda plain: plain | {"text": 1},
        lambda plain: plain | {"file": "a\u202eb"},
        lambda plain: [plain],
        lambda plain: dict(reversed(plain.items())),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused(served: Served, change: Any) -> None:
    content = write_bundle(bundle(TEXT, a=CELLS))
    plain = json.loads(content)
    same = json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()
    assert same == content and read_bundle(content).file == "pipeline.yaml"
    other = json.dumps(change(plain), separators=(",", ":"), ensure_ascii=False).encode()
    assert send(served, other).status_code == 422


def test_a_bundle_is_as_large_as_a_notebook_may_be() -> None:
    content = write_bundle(bundle(TEXT, a=[*CELLS, f"x = '{'x' * 1000}'"]))
    with pytest.raises(Refused, match="MB are allowed"):
        read_bundle(content, 1000)


def test_again_names_the_run_that_it_repeats(served: Served) -> None:
    run = made(served)["run"]["id"]
    served.end(run, "failed", explain("exception", cell=1, error="KeyError", message="'a'"))
    again = served.good(ALICE, "POST", f"/runs/{run}/again")
    assert again["again_of"] == run and again["cause"] == "manual"


def test_what_steps_wrote_is_read_by_who_may(served: Served) -> None:
    made_run = made(served)["run"]
    files = served.files(made_run["id"])
    now = datetime(2026, 1, 10, tzinfo=UTC)
    item = ItemRecord(step="one", state="succeeded", outputs={"table": "s3://b/t"})
    write_record(files, PipelineRecord(
        run=made_run["id"], version=made_run["version"], values={}, scheduled=now, started=now,
        shared="/x", items=(item,),
    ))  # fmt: skip
    path = f"/runs/{made_run['id']}/steps"
    (shown,) = served.good(ALICE, "GET", path)
    assert (shown["step"], shown["outputs"]) == ("one", {"table": "s3://b/t"})
    (files.path / "steps" / "one").mkdir(parents=True)
    (files.path / "steps" / "one" / "notebook.html").write_text("<b>it</b>")
    answer = served.ask(ALICE, "GET", f"{path}/one/notebook.html")
    assert answer.text == "<b>it</b>"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert served.ask(ALICE, "GET", f"{path}/two/notebook.html").status_code == 404
    (files.path / "steps" / "one" / "log").write_text("it began\nit ended\n")
    answer = served.ask(ALICE, "GET", f"{path}/one/log?offset=9")
    assert (answer.text, answer.headers["x-next-offset"]) == ("it ended\n", "18")
    assert served.ask(ALICE, "GET", f"{path}/two/log").text == ""
    assert served.ask(BOB, "GET", f"{path}/one/log").status_code == 404
    for step in ("..", "%2e%2e", "..%2f..", "one%2f..%2f.."):
        # By the name itself the path would be that of the run's own log.
        for name in ("notebook.html", *(["log"] if step != ".." else [])):
            assert served.ask(ALICE, "GET", f"{path}/{step}/{name}").status_code in (404, 422)
    assert served.ask(BOB, "GET", path).status_code == 404
    assert served.ask(BOB, "GET", f"{path}/one/notebook.html").status_code == 404


def run_check(path: Path, *more: str) -> Any:
    return CliRunner().invoke(jobs, ["check", str(path), *more])


def written(folder: Path, text: str = TEXT) -> Path:
    made = bundle(text)
    (folder / "pipeline.yaml").write_text(made.text)
    (folder / "a.ipynb").write_bytes(notebook(parameters(CELLS[0]), CELLS[1]))
    return folder / "pipeline.yaml"


def test_a_pipeline_is_checked_without_a_server(tmp_path: Path) -> None:
    answer = run_check(written(tmp_path))
    assert answer.exit_code == 0, answer.output
    assert "two steps: 2 steps; asks for year" in answer.output
    assert "  two: a.ipynb, after one" in answer.output
    shown = json.loads(run_check(tmp_path / "pipeline.yaml", "--json").output)
    assert [step["needs"] for step in shown["steps"]] == [[], ["one"]]
    bad = run_check(written(tmp_path, TEXT.replace("year: {default", "year: {defalt")))
    assert bad.exit_code == 2
    assert "pipeline.yaml:3:10: 'defalt' means nothing here; did you mean default?" in bad.output
    assert run_check(tmp_path / "none.yaml").exit_code == 2


def test_a_notebook_elsewhere_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = written(tmp_path / "in")
    shutil.move(tmp_path / "in" / "a.ipynb", tmp_path / "a.ipynb")
    assert "cannot be read (No such file" in run_check(path).output
    (tmp_path / "in" / "a.ipynb").symlink_to(tmp_path / "a.ipynb")
    answer = run_check(path)
    assert answer.exit_code == 2 and "leads out of the pipeline's folder" in answer.output


def test_the_pipeline_of_the_classifier_is_one() -> None:
    understood, content = check(NACE)
    assert [step.name for step in understood.pipeline.steps] == [
        "prepare", "train", "evaluate", "register",
    ]  # fmt: skip
    assert len(content) < 100_000
    answer = run_check(NACE)
    assert answer.exit_code == 0, answer.output


def client_of(served: Served) -> JobsClient:
    """The Python API, asking this service."""
    client = JobsClient(f"http://testserver{JOBS_PREFIX}", "none", environ={})
    client.close()
    served.client.headers[PROOF_HEADER] = sign_proof(ALICE, SERVICE, SECRET)
    client._http = served.client
    return client


def test_the_client_sends_a_pipeline_with_its_notebooks(served: Served, tmp_path: Path) -> None:
    path = written(tmp_path)
    given = {"parameters": {"year": 2025}, "profile": "python", "kernel": "python3"}
    job = client_of(served).create(path, **given).job
    assert job.name == "two steps" and job.notebook.path.endswith("pipeline.yaml")
    assert job.parameters["year"].value == 2025
    kept = read_bundle(served.store.notebook_path(job.notebook.sha256).read_bytes())
    assert kept.notebooks == {"a.ipynb": (tmp_path / "a.ipynb").read_bytes()}


def test_the_client_tells_what_is_wrong_before_it_sends(served: Served, tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.replace("needs: one", "nees: one"))
    with pytest.raises(JobsError, match=r"pipeline.yaml:6:36: 'nees' means nothing here") as told:
        client_of(served).create(path)
    assert told.value.status == 422


SWEEP = """
    name: sweep
    parameters: {years: [2024, 2025, 2026]}
    steps:
      - name: each
        notebook: a.ipynb
        matrix: {year: "${parameters.years}"}
        parameters: {year: "${matrix.year}"}
"""


def test_the_manifest_of_a_sweep_is_an_indexed_job(served: Served) -> None:
    answer = send(served, write_bundle(bundle(SWEEP, a=CELLS)))
    notebook = {"sha256": answer.json()["sha256"], "path": "sweep.yaml"}
    job = served.make(ALICE, notebook=notebook)["job"]
    path = f"/jobs/{job['id']}/equivalent"
    spec = yaml.safe_load(served.good(ALICE, "GET", path)["manifest"])["spec"]
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"]["spec"]
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", 3)


def test_the_client_shows_the_steps_and_what_each_wrote(served: Served) -> None:
    run = made(served)["run"]
    files = served.files(run["id"])
    now = datetime(2026, 1, 10, tzinfo=UTC)
    items = tuple(
        ItemRecord(step="each", number=one, matrix={"year": one}, state="succeeded")
        for one in (1, 2)
    )
    write_record(files, PipelineRecord(
        run=run["id"], version=run["version"], values={}, scheduled=now, started=now, shared="",
        items=items,
    ))  # fmt: skip
    folder = files.path / "steps" / "each-2"
    folder.mkdir(parents=True)
    (folder / "log").write_text("hello\n")
    (folder / "notebook.ipynb").write_bytes(b"{}")
    client = client_of(served)
    assert [one.name for one in client.steps(run["id"])] == ["each-1", "each-2"]
    assert client.log(run["id"], step="each-2") == ("hello\n", 6)
    assert client.output(run["id"], step="each-2") == b"{}"
    with pytest.raises(JobsError):
        client.output(run["id"], step="../each-2")


CELLS_TO_TRY = ["rate = 0.5  # how fast\nname = 'a: b'\nwhen = '{scheduled}'\nlist_ = [1, 2]", "1"]


def run_sweep(folder: Path, *matrix: str) -> Any:
    path = folder / "try.ipynb"
    path.write_bytes(notebook(parameters(CELLS_TO_TRY[0]), CELLS_TO_TRY[1]))
    words = [word for one in matrix for word in ("--matrix", one)]
    return CliRunner().invoke(
        jobs, ["sweep", str(path), *words, "--to", str(folder / "sweep.yaml")]
    )


def test_a_sweep_is_written_from_a_notebook(tmp_path: Path) -> None:
    answer = run_sweep(tmp_path, "rate=0.1,0.2", "name=NO,01,x: y")
    assert answer.exit_code == 0, answer.output
    pipeline = check(tmp_path / "sweep.yaml")[0].pipeline
    assert first_of(pipeline, SNAPSHOT) == First("each", 6, alone=True)
    fields = {field.name: field.default for field in pipeline.fields}
    assert fields == {
        "rate": (0.1, 0.2), "name": ("NO", "01", "x: y"), "when": "{scheduled}", "list_": (1, 2),
    }  # fmt: skip
    # Nothing is written over.
    assert run_sweep(tmp_path, "rate=0.1").exit_code == 1


def test_a_sweep_of_what_the_notebook_does_not_have_is_refused(tmp_path: Path) -> None:
    answer = run_sweep(tmp_path, "rat=0.1")
    assert answer.exit_code == 2 and "rate" in answer.output
    answer = run_sweep(tmp_path, "rate=fast")
    assert answer.exit_code == 2 and "rate" in answer.output
