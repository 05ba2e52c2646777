"""Swift's side of keys and policy: the auth middleware right of `s3api`.

It checks the signature of a request with the secret of its key, puts all buckets in one account,
and leaves in the environ a callback that Swift asks about every container it is about to touch:
copy sources, parts, each key of a multiple delete, old versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from swift.common.swob import HTTPForbidden, HTTPUnauthorized, Request, Response

from nacelle.storage.embedded import inner, policy
from nacelle.storage.embedded.answers import Environ, StartResponse, WSGIApp
from nacelle.storage.embedded.conf import ACCOUNT
from nacelle.storage.embedded.front import GRANT
from nacelle.storage.embedded.keys import Grant, Identity, KeySigner


class Auth:
    """Lets a request through when its key is good; binds who asks to what Swift will ask."""

    def __init__(self, app: WSGIApp, signer: KeySigner) -> None:
        self.app = app
        self.signer = signer

    def __call__(self, env: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if env.get("swift.authorize_override"):
            return self.app(env, start_response)
        grant: Grant | None = env.get(GRANT)
        details = env.get("s3api.auth_details")
        if grant is None or details is None:
            return self._answer(HTTPForbidden, env, start_response)
        same_key = details["access_key"] == grant.access_key_id
        # `check_signature` also keeps the secret with which the chunks of the body are checked.
        if not details["check_signature"](self.signer.secret_of(grant.access_key_id)):
            return self._answer(HTTPUnauthorized, env, start_response)
        if not same_key or not _move_to_account(env, grant.access_key_id):
            return self._answer(HTTPForbidden, env, start_response)
        env["REMOTE_USER"] = grant.identity.sub
        env["swift.authorize"] = authorizer(grant.identity)
        env["swift.clean_acl"] = lambda header, value: value
        if env["REQUEST_METHOD"] == "GET" and env["PATH_INFO"] == f"/v1/{ACCOUNT}":
            return self._own_buckets(grant.identity, env, start_response)
        return self.app(env, start_response)

    def _own_buckets(
        self, identity: Identity, env: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """The list of buckets, made from the few names that may be in it, not by filtering all."""
        found = []
        for name in policy.readable_buckets(identity):
            query = {"format": "json", "prefix": name, "limit": "1"}
            response = inner.ask(self.app, "GET", query=query)
            if response.status_int >= 500:
                return self._answer(Response(status=503), env, start_response)
            # A name sorts before all that it is the beginning of: the first is the bucket itself.
            found += [item for item in json.loads(response.body or "[]") if item["name"] == name]
        body = json.dumps(found).encode("utf-8")
        answer = Response(body=body, content_type="application/json", request=Request(env))
        return self._answer(answer, env, start_response)

    @staticmethod
    def _answer(response: Any, env: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if isinstance(response, Response):
            sent: Iterable[bytes] = response(env, start_response)
            return sent
        refused: Iterable[bytes] = response(request=Request(env))(env, start_response)
        return refused


def authorizer(identity: Identity) -> Callable[[Any], Any]:
    """The callback that Swift calls before it touches a container or an object in it."""

    def authorize(req: Any) -> Any:
        try:
            _, account, container, _ = req.split_path(2, 4, True)
        except ValueError:
            return HTTPForbidden(request=req)
        if account != ACCOUNT:
            return HTTPForbidden(request=req)
        if container is None:
            return None if req.method in ("GET", "HEAD") else HTTPForbidden(request=req)
        if policy.refusal(identity, req.method, container) is None:
            return None
        return HTTPForbidden(request=req)

    return authorize


def _move_to_account(env: Environ, access_key_id: str) -> bool:
    """`s3api` names the account after the access key; all buckets live in one account of ours."""
    version, _, rest = str(env["PATH_INFO"]).lstrip("/").partition("/")
    account, slash, tail = rest.partition("/")
    if version != "v1" or account not in (access_key_id, ACCOUNT):
        return False
    env["PATH_INFO"] = f"/v1/{ACCOUNT}{slash}{tail}"
    return True


def filter_factory(global_conf: Mapping[str, str], **local: str) -> Callable[[WSGIApp], Auth]:
    """Entry point for Swift's pipeline; `key_file` names the file of `store.key`."""
    signer = KeySigner(Path(local["key_file"]).read_text(encoding="utf-8").strip())
    return lambda app: Auth(app, signer)
