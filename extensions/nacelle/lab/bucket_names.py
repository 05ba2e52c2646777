"""Which buckets the file browser shows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from nacelle.storage.slug import PUBLIC_BUCKET, SlugError, project_bucket, user_bucket


def bucket_names(client: Any, environ: Mapping[str, str]) -> list[str]:
    """Those that the store lists; where its keys may not ask for a list, those of the person.

    Raises ClientError, BotoCoreError when the store does not answer.
    """
    try:
        return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "403"):
            raise
        return own_buckets(environ)


def own_buckets(environ: Mapping[str, str]) -> list[str]:
    """The person's own, those of their projects, and the public one."""
    projects = [name for name in environ.get("PROJECT_GROUP", "").split(",") if name]
    made = [(user_bucket, environ["PROJECT_USER"]), *((project_bucket, one) for one in projects)]
    names = []
    for make, name in made:
        # Who or what has too long a name has no bucket.
        with suppress(SlugError):
            names.append(make(name))
    return [*names, PUBLIC_BUCKET]
