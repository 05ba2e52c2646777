"""The door in front of `s3api`: every request needs a session token, and says why it is refused.

It reads the token before `s3api` rewrites the request, drops Swift's own headers (no S3 client
sends them), and answers in sentences what Swift would answer in a word. What it lets through is
checked again where it counts: the signature and each bucket, in `auth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from nacelle.storage.embedded import policy
from nacelle.storage.embedded.accesslog import WHO
from nacelle.storage.embedded.answers import Environ, StartResponse, WSGIApp, s3_error
from nacelle.storage.embedded.inner import INNER
from nacelle.storage.embedded.keys import Grant, KeySigner, TokenRefused

GRANT = "nacelle.grant"
_TOKEN = "x-amz-security-token"
# Swift's own vocabulary: none of it is S3, and some of it changes what a request means.
_FOREIGN = (
    "HTTP_X_ACCOUNT_",
    "HTTP_X_AUTH_",
    "HTTP_X_BACKEND_",
    "HTTP_X_CONTAINER_",
    "HTTP_X_COPY_FROM",
    "HTTP_X_DELETE_",
    "HTTP_X_FRESH_METADATA",
    "HTTP_X_HISTORY_",
    "HTTP_X_IF_DELETE_AT",
    "HTTP_X_NEWEST",
    "HTTP_X_OBJECT_",
    "HTTP_X_OPEN_EXPIRED",
    "HTTP_X_REMOVE_",
    "HTTP_X_SERVICE_",
    "HTTP_X_STATIC_LARGE_",
    "HTTP_X_STORAGE_",
    "HTTP_X_SYMLINK_",
    "HTTP_X_TIMESTAMP",
    "HTTP_X_TRANS_ID_EXTRA",
    "HTTP_X_VERSIONS_",
    "HTTP_MULTIPART_MANIFEST",
    # Access lists are the policy's business: see `_acl_refused` for those that ask for one.
    "HTTP_X_AMZ_ACL",
    "HTTP_X_AMZ_GRANT_",
)


class Front:
    """Refuses what has no good token; hands the rest on with the grant that the token states."""

    def __init__(self, app: WSGIApp, signer: KeySigner) -> None:
        self.app = app
        self.signer = signer

    def __call__(self, env: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if env.get(INNER):
            return self.app(env, start_response)
        query = dict(parse_qsl(env.get("QUERY_STRING", ""), keep_blank_values=True))
        for name in [name for name in env if name.startswith(_FOREIGN)]:
            del env[name]
        if not _signed(env, query):
            return s3_error(env, start_response, 403, "AccessDenied", _NO_SIGNATURE)
        try:
            grant = self.signer.verify(_token(env, query))
        except TokenRefused as refused:
            status = 403 if refused.code == "AccessDenied" else 400
            return s3_error(env, start_response, status, refused.code, str(refused))
        env[GRANT] = grant
        env[WHO].update(access_key_id=grant.access_key_id, sub=grant.identity.sub)
        if env["REQUEST_METHOD"] == "PUT" and "acl" in query:
            return s3_error(
                env, start_response, 400, "AccessControlListNotSupported", _NO_ACCESS_LISTS
            )
        reason = _refused(grant, env)
        if reason:
            return s3_error(env, start_response, 403, "AccessDenied", reason)
        return self.app(env, start_response)


_NO_SIGNATURE = (
    "This store answers signed requests only; ask the platform for keys (access key, secret and"
    " session token) and sign with them."
)
_NO_TOKEN = (
    "The session token is missing: this store has short-lived keys only, and they come as access"
    " key, secret and session token together."
)
_NO_ACCESS_LISTS = (
    "Access lists have no effect here: who may use a bucket follows from its name (user-, projet-,"
    " public)."
)


def _signed(env: Environ, query: Mapping[str, str]) -> bool:
    return "HTTP_AUTHORIZATION" in env or "X-Amz-Credential" in query or "AWSAccessKeyId" in query


def _token(env: Environ, query: Mapping[str, str]) -> str:
    """The session token of a request: in its header, or in the query of a presigned link."""
    in_query = [value for name, value in query.items() if name.lower() == _TOKEN]
    if in_query and "AWSAccessKeyId" in query:
        # Signature version 2 signs the token as a header even when the link carries it.
        env["headers_raw"] = (*env.get("headers_raw", ()), (_TOKEN, in_query[0]))
    token = env.get("HTTP_X_AMZ_SECURITY_TOKEN") or (in_query[0] if in_query else "")
    if not token:
        raise TokenRefused("AccessDenied", _NO_TOKEN)
    return str(token)


def _refused(grant: Grant, env: Environ) -> str | None:
    bucket = str(env["PATH_INFO"]).lstrip("/").partition("/")[0]
    if not bucket:
        return None
    return policy.refusal(grant.identity, env["REQUEST_METHOD"], bucket)


def filter_factory(global_conf: Mapping[str, str], **local: str) -> Callable[[WSGIApp], Front]:
    """Entry point for Swift's pipeline; `key_file` names the file of `store.key`."""
    signer = KeySigner(Path(local["key_file"]).read_text(encoding="utf-8").strip())
    return lambda app: Front(app, signer)
