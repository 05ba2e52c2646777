"""Where an office's STS would be: it knows one caller by static keys, checks each signature (AWS
Signature Version 4), keeps what was asked, and gives keys that open nothing. No such store can be
installed for tests: this is the outermost edge."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

ACCESS, SECRET, REGION = "OFFICE0BROKER0KEY000", "the-office-s-secret", "eu-west-3"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})"
)
_ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASIAGIVEN</AccessKeyId>
<SecretAccessKey>given-secret</SecretAccessKey><SessionToken>given-token</SessionToken>
<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"""


class OfficeSts:
    """Serves on a free port of loopback; a context manager."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer: tuple[int, str] | None = None
        office = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, text = office.answer or office.judge(dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def judge(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Status and text for a request."""
        if not _signed(headers, body):
            return 403, _ERROR.format(code="SignatureDoesNotMatch", message="not signed by us")
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.asked.append(fields)
        life = timedelta(seconds=int(fields["DurationSeconds"]))
        until = (datetime.now(UTC) + life).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, _ANSWER.format(until=until)


def _signed(headers: dict[str, str], body: bytes) -> bool:
    found = {name.lower(): value for name, value in headers.items()}
    match = _AUTHORIZATION.fullmatch(found.get("authorization", ""))
    if match is None:
        return False
    credential, names, signature = match[1].split("/"), match[2].split(";"), match[3]
    scope = "/".join(credential[1:])
    if credential[0] != ACCESS or not scope.endswith(f"/{REGION}/sts/aws4_request"):
        return False
    canonical = "\n".join(
        [
            *("POST", "/", ""),
            *(f"{name}:{found[name].strip()}" for name in names),
            *("", ";".join(names), hashlib.sha256(body).hexdigest()),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", found["x-amz-date"], scope, digest])
    key = f"AWS4{SECRET}".encode()
    for part in credential[1:]:
        key = hmac.digest(key, part.encode(), "sha256")
    made = hmac.new(key, text.encode(), "sha256").hexdigest()
    return hmac.compare_digest(made, signature)
