"""The real store on free ports, a real HTTP issuer of web tokens, and boto3 clients."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from nacelle.layout import Layout
from nacelle.settings import load_settings
from tests.support.waiting import PATIENCE, free_base

AUDIENCE = "nacelle-store"
START_SECONDS = 30


class Issuer:
    """The outermost edge: an OpenID issuer over real HTTP, where the broker would be."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/services/broker"
        self.port = port
        self.keys = [ECKey.generate_key("P-256", {"kid": "first"})]
        self.asked: list[str] = []
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = json.dumps(issuer.document(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def document(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks.json"}
        return KeySet(self.keys).as_dict(private=False)

    def token(self, sub: str, *, key: ECKey | None = None, **changes: Any) -> str:
        signer = key or self.keys[-1]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": sub,
            "projects": [],
            "admin": False,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
        } | changes
        return jwt.encode({"alg": "ES256", "kid": signer.kid}, claims, signer)


@dataclass
class RunningStore:
    """One installation of the store and the process that serves it."""

    layout: Layout
    settings_file: Path
    process: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.layout.address("store")

    @property
    def out(self) -> Path:
        return self.settings_file.with_name("store.out")

    @property
    def err(self) -> Path:
        return self.settings_file.with_name("store.err")

    def start(self) -> None:
        environment = os.environ | {"NACELLE_SETTINGS": str(self.settings_file)}
        environment |= self.environment
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nacelle.storage.embedded"],
                env=environment,
                stdout=out,
                stderr=err,
            )
        wait_until(self.healthy, START_SECONDS, lambda: self.err.read_text()[-2000:])

    def healthy(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the store ended: {self.err.read_text()[-2000:]}")
        try:
            verify = not self.url.startswith("https")
            answer = httpx.get(f"{self.url}/healthcheck", timeout=5, verify=verify)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def terminate(self) -> float:
        """SIGTERM; gives the seconds until the process was gone."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)
        return time.monotonic() - began

    def lines(self) -> list[dict[str, Any]]:
        """The access log so far."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]


def wait_until(
    holds: Callable[[], bool], seconds: float, explain: Callable[[], str] = lambda: ""
) -> None:
    limit = time.monotonic() + seconds * PATIENCE
    pause = threading.Event()
    while not holds():
        if time.monotonic() > limit:
            raise AssertionError(f"not so after {PATIENCE * seconds:g} s: {explain()}")
        pause.wait(0.05)


def installation(folder: Path, port: int, **store: Any) -> RunningStore:
    """A new installation in `folder`; not started."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "settings.yaml"
    file.write_text(json.dumps({"port": port, "data_dir": "data", "store": store}))
    return RunningStore(Layout(load_settings(file)), file)


def sts_client(url: str, **options: Any) -> Any:
    # boto3 itself would refuse lives under 900 s; the store does not.
    config = Config(
        signature_version=UNSIGNED, retries={"total_max_attempts": 1}, parameter_validation=False
    )
    return boto3.client("sts", endpoint_url=url, region_name="us-east-1", config=config, **options)


def exchange(url: str, token: str, seconds: int = 3600, **options: Any) -> dict[str, str]:
    """Web token in, boto3's keyword arguments out."""
    answer = sts_client(url, **options).assume_role_with_web_identity(
        RoleArn="arn:aws:iam::000000000000:role/nacelle",
        RoleSessionName="test",
        WebIdentityToken=token,
        DurationSeconds=seconds,
    )["Credentials"]
    return {
        "aws_access_key_id": answer["AccessKeyId"],
        "aws_secret_access_key": answer["SecretAccessKey"],
        "aws_session_token": answer["SessionToken"],
    }


def s3_client(url: str, keys: dict[str, str], *, config: Config | None = None, **kw: Any) -> Any:
    base = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        config=base.merge(config) if config else base,
        **keys,
        **kw,
    )


@dataclass
class Platform:
    """A store that trusts an issuer."""

    store: RunningStore
    issuer: Issuer

    def keys(self, sub: str, seconds: int = 3600, **claims: Any) -> dict[str, str]:
        return exchange(self.store.url, self.issuer.token(sub, **claims), seconds)

    def s3(self, sub: str, **claims: Any) -> Any:
        return s3_client(self.store.url, self.keys(sub, **claims))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    store = installation(tmp_path_factory.mktemp("store"), free_base())
    issuer = Issuer(store.layout.port("broker"))
    issuer.start()
    store.start()
    try:
        yield Platform(store, issuer)
    finally:
        issuer.stop()
        store.terminate()


@pytest.fixture(scope="session")
def ada(platform: Platform) -> Any:
    """User A, with a bucket of her own and one of her project."""
    client = platform.s3("user:ada", projects=["nace"])
    client.create_bucket(Bucket="user-ada")
    client.create_bucket(Bucket="projet-nace")
    return client


@pytest.fixture(scope="session")
def bob(platform: Platform) -> Any:
    """User B, in no project."""
    client = platform.s3("user:bob")
    client.create_bucket(Bucket="user-bob")
    return client


@pytest.fixture(scope="session")
def admin(platform: Platform) -> Any:
    return platform.s3("user:root", admin=True)


def expect_refused(call: Callable[[], Any], *codes: str) -> str:
    """The call must raise a botocore ClientError with one of the codes; gives its message."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] in (codes or ("AccessDenied", "403")), error
    return str(error["Message"])
