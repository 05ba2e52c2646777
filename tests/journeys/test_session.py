"""In a session: clients that find their keys, MLflow that knows who one is, R beside Python."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from websocket import create_connection

from tests.support.installation import Installation
from tests.support.person import Kernel, Person


@pytest.fixture(scope="module")
def kernel(alice: Person) -> Iterator[Kernel]:
    yield alice.server().kernel()


def test_every_client_reads_and_writes_with_no_key_in_sight(kernel: Kernel) -> None:
    name = uuid.uuid4().hex
    printed = kernel.run(f"""
import os, boto3, nacelle, pandas as pd, s3fs, pyarrow.dataset as ds
assert "AWS_ACCESS_KEY_ID" not in os.environ
place = "user-alice/{name}"
boto3.client("s3").put_object(Bucket="user-alice", Key="{name}/b.txt", Body=b"boto3")
print(s3fs.S3FileSystem().cat(place + "/b.txt").decode())
con = nacelle.connect()
con.execute(f"COPY (SELECT range AS n FROM range(1000)) TO 's3://{{place}}/n.parquet'")
print(pd.read_parquet(f"s3://{{place}}/n.parquet")["n"].sum())
print(ds.dataset(f"s3://{{place}}/n.parquet").count_rows())
con.execute(f"COPY (SELECT range % 3 AS k, range AS n FROM range(90))"
            f" TO 's3://{{place}}/parts' (FORMAT parquet, PARTITION_BY (k))")
print(con.sql(f"SELECT count(*) FROM 's3://{{place}}/parts/*/*.parquet'").fetchone()[0])
""")
    assert printed.split() == ["boto3", "499500", "1000", "90"]


def test_the_names_of_the_ssp_cloud_are_there(kernel: Kernel, platform: Installation) -> None:
    names = json.loads(kernel.run("import json, os; print(json.dumps(dict(os.environ)))"))
    store = platform.layout.address("store")
    assert names["AWS_S3_ENDPOINT"] == store.removeprefix("http://")
    assert names["AWS_ENDPOINT_URL"] == names["S3_ENDPOINT"] == store
    assert names["AWS_DEFAULT_REGION"] == "us-east-1"
    assert names["AWS_PATH_STYLE_ACCESS"] == "true"
    assert names["MLFLOW_TRACKING_URI"].endswith("/services/mlflow")
    assert names["MLFLOW_TRACKING_TOKEN"]
    assert (names["GIT_USER_NAME"], names["GIT_USER_MAIL"]) == ("alice", "alice@example.org")
    assert (names["PROJECT_USER"], names["PROJECT_GROUP"]) == ("alice", "prix")


def test_one_s_buckets_are_one_s_own_and_the_common_one(kernel: Kernel) -> None:
    printed = kernel.run(
        "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    )
    assert sorted(json.loads(printed.replace("'", '"'))) == ["projet-prix", "public", "user-alice"]


def test_a_run_bears_the_hub_s_name_and_its_files_lie_in_the_store(kernel: Kernel) -> None:
    printed = kernel.run("""
import mlflow, os
os.environ["LOGNAME"] = "somebody-else"
mlflow.set_experiment("session")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1)
    try:
        mlflow.set_tag("mlflow.user", "somebody-else")
    except mlflow.MlflowException as error:
        print("refused:", error.error_code)
    mlflow.log_text("hello", "note.txt")
kept = mlflow.get_run(run.info.run_id)
print(kept.info.user_id, kept.data.tags["mlflow.user"])
print(mlflow.artifacts.load_text(kept.info.artifact_uri + "/note.txt"))
""")
    assert "alice alice" in printed
    assert "somebody-else" not in printed
    assert printed.strip().endswith("hello")


def test_the_session_finds_its_kernels(alice: Person) -> None:
    found = alice.server().http.get("/api/kernelspecs").json()["kernelspecs"]
    assert "python3" in found


def test_a_terminal_has_the_environment_and_git_knows_who_commits(alice: Person) -> None:
    server = alice.server()
    name = server.http.post("/api/terminals").json()["name"]
    terminal = create_connection(
        server.url.replace("http", "ws", 1) + f"/terminals/websocket/{name}",
        header=[f"Authorization: token {server.token}"],
        timeout=60,
    )
    work = (
        "which python papermill nacelle; rm -rf g; git init -q g; cd g; touch a; git add a;"
        " git commit -qm a; git log --format='%an <%ae>'; test $AWS_ENDPOINT_URL; echo end=$?"
    )
    terminal.send(json.dumps(["stdin", work + "\r"]))
    shown = ""
    while "end=0" not in shown:
        kind, *text = json.loads(terminal.recv())
        shown += "".join(map(str, text)) if kind == "stdout" else ""
        assert "end=1" not in shown, shown
    programs = Path(sys.executable).parent
    for program in ("python", "papermill", "nacelle"):
        assert str(programs / program) in shown
    assert "alice <alice@example.org>" in shown
    terminal.close()
    server.http.delete(f"/api/terminals/{name}")


def test_r_reads_an_object_by_a_presigned_link(platform: Installation) -> None:
    with platform.person("carol") as carol:
        server = carol.start_server(profile="r")
        python = server.kernel("python3")
        python.run(
            "import boto3; boto3.client('s3').put_object("
            "Bucket='user-carol', Key='pays.csv', Body=b'pays,n\\nFrance,3\\n')"
        )
        link = python.run(
            "import boto3; from botocore.config import Config\n"
            "s3 = boto3.client('s3', config=Config(signature_version='s3v4'))\n"
            "print(s3.generate_presigned_url('get_object',"
            " {'Bucket': 'user-carol', 'Key': 'pays.csv'}))"
        ).strip()
        r = server.kernel("ir")
        assert "France" in r.run(f'print(read.csv("{link}"))')
        assert "3" in r.run('cat(sum(read.csv(nacelle_url("s3://user-carol/pays.csv"))$n))')
        assert "127.0.0.1" in r.run('cat(Sys.getenv("AWS_S3_ENDPOINT"))')
        assert r.run('cat(nchar(Sys.getenv("MLFLOW_TRACKING_TOKEN")) > 0)').strip() == "TRUE"
        assert "France" in r.run('print(read.csv(nacelle_file("s3://user-carol/pays.csv")))')
        refused = r.execute('read.csv(nacelle_file("s3://user-bob/x.csv"))').error or ""
        assert "not there, or not yours" in refused and "X-Amz" not in refused
        assert "write s3://bucket/key" in (r.execute('nacelle_url("nope")').error or "")
        r.run("nacelle_refresh()")
        assert r.run('cat(substr(Sys.getenv("AWS_ACCESS_KEY_ID"), 1, 3))').strip() == "NCL"
        carol.stop_server()
