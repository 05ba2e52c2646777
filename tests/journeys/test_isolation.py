"""The issue's attacks over the network, between two people of a whole platform."""

from __future__ import annotations

import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.installation import Installation
from tests.support.person import Kernel, Person

DENIED = {"AccessDenied", "403", "Forbidden"}


@pytest.fixture(scope="module")
def hers(alice: Person) -> Kernel:
    kernel = alice.server().kernel()
    kernel.run(
        "import boto3, mlflow, os\n"
        "boto3.client('s3').put_object(Bucket='user-alice', Key='secret', Body=b'hers')\n"
        "mlflow.set_experiment('hers')\n"
        "with mlflow.start_run() as run: mlflow.log_text('hers', 'note.txt')"
    )
    return kernel


@pytest.fixture(scope="module")
def his(bob: Person) -> Kernel:
    return bob.server().kernel()


@pytest.mark.parametrize(
    "call",
    [
        "get_object(Bucket='user-alice', Key='secret')",
        "head_object(Bucket='user-alice', Key='secret')",
        "list_objects_v2(Bucket='user-alice')",
        "put_object(Bucket='user-alice', Key='x', Body=b'his')",
        "delete_object(Bucket='user-alice', Key='secret')",
        "copy_object(Bucket='user-bob', Key='x', CopySource='user-alice/secret')",
        "delete_bucket(Bucket='user-alice')",
        "get_object(Bucket='projet-prix', Key='x')",
        "list_objects_v2(Bucket='service-mlflow')",
        "put_object(Bucket='public', Key='x', Body=b'his')",
        "create_bucket(Bucket='user-mallory')",
    ],
)
def test_bob_cannot_touch_what_is_not_his(hers: Kernel, his: Kernel, call: str) -> None:
    code = (
        "import boto3\nfrom botocore.exceptions import ClientError\n"
        f"try:\n    boto3.client('s3').{call}\n    print('done')\n"
        "except ClientError as error:\n    print(error.response['Error']['Code'])"
    )
    assert his.run(code).strip() in DENIED
    kept = "boto3.client('s3').get_object(Bucket='user-alice', Key='secret')"
    assert hers.run(f"print({kept}['Body'].read())").strip() == "b'hers'"


def test_bob_cannot_open_alice_s_server(alice: Person, bob: Person, hers: Kernel) -> None:
    assert bob.get("/user/alice/api/contents/home").status_code == 403
    token = bob.server().token
    refused = httpx.get(
        alice.server().url + "/api/contents/home", headers={"Authorization": f"token {token}"}
    )
    assert refused.status_code == 403


def test_bob_cannot_make_a_token_for_alice(bob: Person) -> None:
    made = bob.call("POST", "users/alice/tokens", json={"scopes": ["access:servers!user=alice"]})
    assert made.status_code in (403, 404)
    body = {"scopes": ["access:servers!user=alice"]}
    assert bob.call("POST", "users/bob/tokens", json=body).status_code == 400


def session_token(kernel: Kernel) -> str:
    return kernel.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "users"),
        ("GET", "users/alice"),
        ("POST", "users/bob/tokens"),
        ("POST", "users/bob/server"),
        ("DELETE", "users/bob/server"),
        ("GET", "groups"),
        ("GET", "services"),
        ("GET", "proxy"),
        ("POST", "shutdown"),
        ("POST", "users/mallory"),
        ("PATCH", "users/bob"),
    ],
)
def test_a_session_s_token_does_no_more_than_its_session(
    platform: Installation, his: Kernel, method: str, path: str
) -> None:
    answer = httpx.request(
        method,
        f"{platform.url}/hub/api/{path}",
        headers={"Authorization": f"token {session_token(his)}"},
        json={"admin": True} if method == "PATCH" else None,
    )
    assert answer.status_code in (403, 404), answer.text


def test_the_broker_gives_no_keys_without_a_right(platform: Installation, bob: Person) -> None:
    address = platform.url + "/services/broker/keys"
    assert httpx.post(address).status_code == 401
    assert httpx.post(address, headers={"Authorization": "Bearer made-up"}).status_code == 401
    # A token of his that may only open his server.
    headers = {"Authorization": f"Bearer {bob.server().token}"}
    refused = httpx.post(address, headers=headers)
    assert refused.status_code == 403
    assert "may not ask" in refused.json()["message"]


def keys_of(platform: Installation, kernel: Kernel) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {session_token(kernel)}"}
    answer = httpx.post(platform.url + "/services/broker/keys", headers=headers)
    assert answer.status_code == 200, answer.text
    keys: dict[str, str] = answer.json()
    return keys


def client_with(platform: Installation, access: str, secret: str, token: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=platform.layout.address("store"),
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_edited_and_mixed_keys_are_refused(
    platform: Installation, hers: Kernel, his: Kernel
) -> None:
    her, him = keys_of(platform, hers), keys_of(platform, his)
    good = (her["AccessKeyId"], her["SecretAccessKey"], her["Token"])
    client_with(platform, *good).get_object(Bucket="user-alice", Key="secret")
    head, body, signature = him["Token"].split(".")
    flipped = body[:-2] + ("A" if body[-2] != "A" else "B") + body[-1]
    for keys in [
        (him["AccessKeyId"], him["SecretAccessKey"], her["Token"]),
        (her["AccessKeyId"], him["SecretAccessKey"], her["Token"]),
        (him["AccessKeyId"], him["SecretAccessKey"], f"{head}.{flipped}.{signature}"),
        (him["AccessKeyId"], him["SecretAccessKey"], ""),
        (him["AccessKeyId"][:-1] + "x", him["SecretAccessKey"], him["Token"]),
    ]:
        with pytest.raises(ClientError):
            client_with(platform, *keys).get_object(Bucket="user-alice", Key="secret")


def test_mlflow_without_a_token_and_with_another_s(
    platform: Installation, hers: Kernel, his: Kernel, bob: Person
) -> None:
    address = platform.url + "/services/mlflow"
    search = f"{address}/api/2.0/mlflow/experiments/search"
    body = {"max_results": 100}
    assert httpx.post(search, json=body).status_code in (401, 403)
    headers = {"Authorization": f"Bearer {bob.server().token}"}
    assert httpx.post(search, json=body, headers=headers).status_code == 403
    page = httpx.get(address + "/", headers={"Accept": "text/html"})
    assert page.status_code == 302 and "/hub/api/oauth2/authorize" in page.headers["location"]
    run = json.loads(hers.run("import json; print(json.dumps([run.info.run_id,"
                              " run.info.experiment_id]))"))  # fmt: skip
    code = f"""
import mlflow
from mlflow.exceptions import MlflowException
client, told = mlflow.MlflowClient(), []
for call in (
    lambda: client.get_run({run[0]!r}),
    lambda: client.log_metric({run[0]!r}, "m", 1),
    lambda: client.delete_run({run[0]!r}),
    lambda: client.get_experiment({run[1]!r}),
    lambda: client.list_artifacts({run[0]!r}),
    lambda: client.search_runs([{run[1]!r}])[0],
):
    try:
        call()
        told.append("done")
    except (MlflowException, IndexError):
        told.append("refused")
print(*told, len([e for e in client.search_experiments() if e.name == "hers"]))
"""
    assert his.run(code).split() == ["refused"] * 6 + ["0"]


def test_mlflow_s_own_port_is_closed_to_those_who_go_round_the_door(
    platform: Installation, his: Kernel
) -> None:
    address = platform.layout.address("mlflow")
    search = f"{address}/services/mlflow/api/2.0/mlflow/experiments/search"
    headers = {"Authorization": f"Bearer {session_token(his)}"}
    assert httpx.post(search, json={"max_results": 1}, headers=headers).status_code in (401, 403)
