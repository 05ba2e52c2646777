"""STS: `AssumeRoleWithWebIdentity` on `POST /`, the broker's web token in, storage keys out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from swift.common.concurrency import Timeout, urllib_request

from nacelle.storage.embedded.accesslog import WHO
from nacelle.storage.embedded.answers import (
    STS_NAMESPACE,
    Environ,
    StartResponse,
    WSGIApp,
    reply,
    request_id,
    sts_error,
)
from nacelle.storage.embedded.keys import Identity, Keys, KeySigner
from nacelle.storage.embedded.oidc import AUDIENCE, IssuerKeys, WebIdentity, WebTokenRefused

ACTION = "AssumeRoleWithWebIdentity"
MIN_LIFE = 15
_DEFAULT_LIFE = 3600
_MAX_BODY = 64 * 1024
_FETCH_SECONDS = 5


class Sts:
    """Answers form posts to `/`; hands everything else on."""

    def __init__(self, app: WSGIApp, signer: KeySigner, tokens: WebIdentity, key_life: int) -> None:
        self.app = app
        self.signer = signer
        self.tokens = tokens
        self.key_life = key_life

    def __call__(self, env: Environ, start_response: StartResponse) -> Iterable[bytes]:
        form_type = str(env.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
        if env["REQUEST_METHOD"] != "POST" or env["PATH_INFO"] not in ("", "/") or not form_type:
            return self.app(env, start_response)
        try:
            form = _read_form(env)
            identity = self.tokens.verify(form["WebIdentityToken"])
            keys = self.signer.mint(identity, self._life(form))
        except WebTokenRefused as refused:
            return sts_error(env, start_response, 400, refused.code, str(refused))
        env[WHO].update(access_key_id=keys.access_key_id, sub=identity.sub)
        body = _answer(keys, identity, form, self.tokens.issuer, request_id(env))
        no_store = (("Cache-Control", "no-store"),)
        return reply(env, start_response, 200, body, "text/xml", no_store)

    def _life(self, form: Mapping[str, str]) -> int:
        """Seconds that the keys live: what was asked for, up to the installation's own limit."""
        asked = form.get("DurationSeconds") or str(min(_DEFAULT_LIFE, self.key_life))
        if not asked.isascii() or not asked.isdigit() or int(asked) < MIN_LIFE:
            raise WebTokenRefused(
                "ValidationError",
                f"DurationSeconds is {asked[:20]!r}; give a whole number from {MIN_LIFE} up.",
            )
        return min(int(asked), self.key_life)


def _read_form(env: Environ) -> dict[str, str]:
    length = str(env.get("CONTENT_LENGTH") or "")
    if not length.isdigit() or int(length) > _MAX_BODY:
        raise WebTokenRefused(
            "ValidationError", f"The form must state its length, {_MAX_BODY} bytes at most."
        )
    form = dict(parse_qsl(env["wsgi.input"].read(int(length)).decode("utf-8", "replace")))
    if form.get("Action") != ACTION:
        raise WebTokenRefused("InvalidAction", f"This service knows one action: {ACTION}.")
    if not form.get("WebIdentityToken"):
        raise WebTokenRefused("MissingParameter", "WebIdentityToken is missing; ask the broker.")
    return form


def _answer(
    keys: Keys, identity: Identity, form: Mapping[str, str], issuer: str, request: str
) -> str:
    until = datetime.fromtimestamp(keys.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    session = escape(form.get("RoleSessionName", "nacelle"))
    role = escape(form.get("RoleArn", ""))
    return (
        f'<AssumeRoleWithWebIdentityResponse xmlns="{STS_NAMESPACE}">'
        "<AssumeRoleWithWebIdentityResult>"
        f"<SubjectFromWebIdentityToken>{escape(identity.sub)}</SubjectFromWebIdentityToken>"
        f"<Audience>{AUDIENCE}</Audience><Provider>{escape(issuer)}</Provider>"
        f"<AssumedRoleUser><Arn>{role}/{session}</Arn>"
        f"<AssumedRoleId>{keys.access_key_id}:{session}</AssumedRoleId></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{keys.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{keys.secret_access_key}</SecretAccessKey>"
        f"<SessionToken>{keys.session_token}</SessionToken>"
        f"<Expiration>{until}</Expiration></Credentials>"
        "</AssumeRoleWithWebIdentityResult>"
        f"<ResponseMetadata><RequestId>{escape(request)}</RequestId></ResponseMetadata>"
        "</AssumeRoleWithWebIdentityResponse>"
    )


def fetch_json(address: str) -> dict[str, Any]:
    """Read a JSON document over HTTP without holding up the store. Raises OSError or ValueError."""
    opener = urllib_request.build_opener(urllib_request.ProxyHandler({}))
    late = Timeout(_FETCH_SECONDS, OSError(f"no answer in {_FETCH_SECONDS} s"))
    with late, opener.open(address, timeout=_FETCH_SECONDS) as answer:
        document = json.loads(answer.read(_MAX_BODY))
    if not isinstance(document, dict):
        raise ValueError(f"{address} does not hold a JSON object")
    return document


def filter_factory(global_conf: Mapping[str, str], **local: str) -> Callable[[WSGIApp], Sts]:
    """Entry point for Swift's pipeline; see `conf.proxy_conf` for the options."""
    signer = KeySigner(Path(local["key_file"]).read_text(encoding="utf-8").strip())
    keys = IssuerKeys(local["issuer"], Path(local["jwks_cache"]), fetch_json)
    return lambda app: Sts(app, signer, WebIdentity(keys), int(local["key_life"]))
