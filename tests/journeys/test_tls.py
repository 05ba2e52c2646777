"""The store under TLS with a certificate authority of its own, for code that writes `https://`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.support.installation import Installation
from tests.support.sspcloud import BY_DUCKDB, BY_S3FS

CLIENTS = """
import boto3, mlflow, nacelle, pandas as pd
boto3.client("s3").put_object(Bucket="user-alice", Key="b", Body=b"b")
pd.DataFrame({"n": [1, 2]}).to_parquet("s3://user-alice/n.parquet")
con = nacelle.connect()
print(con.sql("SELECT count(*) FROM 's3://user-alice/n.parquet'").fetchone()[0])
mlflow.set_experiment("tls")
with mlflow.start_run():
    mlflow.log_text("kept", "a.txt")
print(mlflow.artifacts.load_text(mlflow.last_active_run().info.artifact_uri + "/a.txt"))
"""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("tls"), store={"tls": True})
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


def test_named_keys_and_renewing_clients_work_over_tls(secure: Installation) -> None:
    assert secure.layout.address("store").startswith("https://")
    with secure.person("alice") as alice:
        kernel = alice.start_server(profile="python-static-keys").kernel()
        assert kernel.run(BY_S3FS).strip() == "['n', '42']"
        assert kernel.run(BY_DUCKDB).strip() == "[(43,)]"
        assert kernel.run(CLIENTS).strip().endswith("kept")
        files = alice.server().http.get("/api/contents/user-alice").json()["content"]
        assert "by-name.csv" in {item["name"] for item in files}


def test_plain_http_and_strangers_certificates_are_refused(secure: Installation) -> None:
    address = secure.layout.address("store")
    with pytest.raises(httpx.HTTPError):
        httpx.get(address.replace("https", "http") + "/healthcheck")
    with pytest.raises(httpx.ConnectError):
        httpx.get(address + "/healthcheck")
    trusting = ssl.create_default_context(cafile=secure.layout.ca_file)
    assert httpx.get(address + "/healthcheck", verify=trusting).is_success
