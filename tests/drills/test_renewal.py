"""Keys that live 60 s, and a kernel that works for three minutes with every client."""

from __future__ import annotations

import json

import pytest

from tests.support.installation import Installation

pytestmark = pytest.mark.drill
SETTINGS = {"store": {"key_life": 60}}

WORK = """
import os, time, boto3, nacelle, s3fs, pyarrow.fs, pyarrow as pa, pyarrow.parquet as pq
assert "AWS_ACCESS_KEY_ID" not in os.environ
s3 = boto3.client("s3")
files = s3fs.S3FileSystem(skip_instance_cache=True)
arrow, _ = pyarrow.fs.FileSystem.from_uri("s3://user-alice/arrow")
con = nacelle.connect()
table = pa.table({"n": [1, 2, 3]})
calls = dict.fromkeys(("boto3", "s3fs", "pyarrow", "duckdb"), 0)
end = time.monotonic() + 180
turn = 0
while time.monotonic() < end:
    turn += 1
    s3.put_object(Bucket="user-alice", Key="boto3", Body=str(turn).encode())
    assert s3.get_object(Bucket="user-alice", Key="boto3")["Body"].read() == str(turn).encode()
    calls["boto3"] += 2
    files.pipe("user-alice/s3fs", str(turn).encode())
    files.invalidate_cache()
    assert files.cat("user-alice/s3fs") == str(turn).encode()
    calls["s3fs"] += 2
    pq.write_table(table, "user-alice/arrow.parquet", filesystem=arrow)
    assert pq.read_table("user-alice/arrow.parquet", filesystem=arrow).num_rows == 3
    calls["pyarrow"] += 2
    con.execute(f"COPY (SELECT {turn} AS n) TO 's3://user-alice/duck.parquet'")
    assert con.sql("SELECT n FROM 's3://user-alice/duck.parquet'").fetchone() == (turn,)
    calls["duckdb"] += 2
    time.sleep(0.5)
import json
print(json.dumps(calls))
"""


def test_three_minutes_of_work_with_keys_of_one_minute(installation: Installation) -> None:
    with installation.person("alice") as alice:
        kernel = alice.start_server(profile="python").kernel()
        calls = json.loads(kernel.run(WORK))
    assert min(calls.values()) > 20
    lines = [json.loads(line) for line in installation.log("store").splitlines() if line[:1] == "{"]
    mine = [line for line in lines if line.get("sub") == "user:alice" and "status" in line]
    keys = {line["access_key_id"] for line in mine}
    assert len(keys) >= 3, keys
    refused = [line for line in mine if line["status"] in (401, 403)]
    assert not refused, refused[:3]
