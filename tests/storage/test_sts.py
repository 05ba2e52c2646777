"""STS over the network: which web tokens give keys, and which give a sentence."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from .conftest import Platform, exchange, expect_refused, s3_client, sts_client, wait_until


def refused(platform: Platform, token: str, *codes: str) -> str:
    return expect_refused(lambda: exchange(platform.store.url, token), *codes)


def test_a_web_token_gives_keys(platform: Platform) -> None:
    token = platform.issuer.token("user:ada", projects=["nace"])
    answer = sts_client(platform.store.url).assume_role_with_web_identity(
        RoleArn="arn:aws:iam::000000000000:role/nacelle",
        RoleSessionName="lab",
        WebIdentityToken=token,
        DurationSeconds=7200,
    )
    assert answer["SubjectFromWebIdentityToken"] == "user:ada"
    assert answer["Audience"] == "nacelle-store"
    life = answer["Credentials"]["Expiration"].timestamp() - time.time()
    assert 3590 < life <= 3600  # what was asked for, cut to the installation's key_life


def test_a_token_is_good_once(platform: Platform) -> None:
    token = platform.issuer.token("user:ada")
    exchange(platform.store.url, token)
    assert "used before" in refused(platform, token, "InvalidIdentityToken")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "nacelle-mlflow"}, "InvalidIdentityToken"),
        ({"aud": None}, "InvalidIdentityToken"),
        ({"iss": "http://127.0.0.1:1/services/broker"}, "InvalidIdentityToken"),
        ({"iat": 1, "exp": 2}, "ExpiredTokenException"),
        ({"exp": 2**40}, "InvalidIdentityToken"),
        ({"iat": None}, "InvalidIdentityToken"),
        ({"jti": None}, "InvalidIdentityToken"),
        ({"sub": "ada"}, "InvalidIdentityToken"),
        ({"sub": "user:"}, "InvalidIdentityToken"),
        ({"projects": "nace"}, "InvalidIdentityToken"),
        ({"admin": 1}, "InvalidIdentityToken"),
    ],
)
def test_claims_that_do_not_hold(platform: Platform, changes: dict[str, Any], code: str) -> None:
    sub = changes.pop("sub", "user:ada")
    refused(platform, platform.issuer.token(sub, **changes), code)


def test_signatures_that_do_not_hold(platform: Platform) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "stranger"})
    same_name = ECKey.generate_key("P-256", {"kid": platform.issuer.keys[-1].kid})
    for key in (stranger, same_name):
        refused(platform, platform.issuer.token("user:ada", key=key), "InvalidIdentityToken")
    head, body, _ = platform.issuer.token("user:ada").split(".")
    other = platform.issuer.token("user:bob").split(".")
    for token in (f"{head}.{body}.", f"{head}.{other[1]}.{other[2]}x", "nonsense", "a.b.c", "é"):
        refused(platform, token, "InvalidIdentityToken")


def test_unknown_keys_do_not_flood_the_issuer(platform: Platform) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "flood"})
    asked = len(platform.issuer.asked)
    for _ in range(20):
        refused(platform, platform.issuer.token("user:ada", key=stranger), "InvalidIdentityToken")
    assert len(platform.issuer.asked) - asked <= 4


def test_a_rotated_key_is_found(platform: Platform) -> None:
    platform.issuer.keys.append(ECKey.generate_key("P-256", {"kid": f"new-{time.time()}"}))

    def works() -> bool:
        answer = httpx.post(platform.store.url, data=form(platform.issuer.token("user:ada")))
        return answer.status_code == 200

    wait_until(works, 10)


def form(token: str, **changes: str) -> dict[str, str]:
    fields = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": "arn:aws:iam::000000000000:role/nacelle",
        "RoleSessionName": "x",
        "WebIdentityToken": token,
    }
    return fields | changes


def test_forms_that_do_not_hold(platform: Platform) -> None:
    url = platform.store.url
    token = platform.issuer.token("user:ada")
    for changes, code in (
        ({"Action": "GetSessionToken"}, "InvalidAction"),
        ({"WebIdentityToken": ""}, "MissingParameter"),
    ):
        answer = httpx.post(url, data=form(token, **changes))
        assert answer.status_code == 400 and f"<Code>{code}</Code>" in answer.text
    for seconds in ("14", "-5", "1e3", "abc"):
        fresh = platform.issuer.token("user:ada")
        answer = httpx.post(url, data=form(fresh, DurationSeconds=seconds))
        assert answer.status_code == 400 and "ValidationError" in answer.text
    assert httpx.post(url, data=form("x" * 70_000)).status_code == 400
    assert httpx.get(url, params=form(token)).status_code == 403
    short = httpx.post(url, data=form(token, DurationSeconds="15", RoleSessionName="<&>"))
    assert short.status_code == 200 and "&lt;&amp;&gt;" in short.text


def test_the_answer_holds_for_the_service_of_that_name(platform: Platform) -> None:
    mlflow = platform.s3("service:mlflow")
    mlflow.create_bucket(Bucket="service-mlflow")
    mlflow.put_object(Bucket="service-mlflow", Key="1/artifact", Body=b"x")
    expect_refused(lambda: platform.s3("user:mlflow").list_objects_v2(Bucket="service-mlflow"))


def test_no_token_in_any_log(platform: Platform) -> None:
    token = platform.issuer.token("user:carol", projects=["a" * 100])
    keys = exchange(platform.store.url, token)
    s3_client(platform.store.url, keys).list_buckets()
    refused(platform, token[:-4] + "AAAA", "InvalidIdentityToken")
    written = platform.store.out.read_text() + platform.store.err.read_text()
    for secret in (token, token[:-4], keys["aws_session_token"], keys["aws_secret_access_key"]):
        assert secret not in written
