"""Presigned links to objects, for languages and programs that have no S3 client of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from nacelle.credentials.keys import Keys

LIFE_SECONDS = 900


class NotAnObject(ValueError):
    """The address does not name an object of the store."""


def make_link(uri: str, keys: Keys, environ: Mapping[str, str] = os.environ) -> str:
    """A link that reads `s3://bucket/key` for fifteen minutes, or until `keys` end.

    Signing asks nobody: the link of an object that is not there, or not yours, answers 404 or 403.
    """
    address = urlsplit(uri)
    key = address.path.lstrip("/")
    if address.scheme != "s3" or not address.netloc or not key:
        raise NotAnObject(f"{uri!r} does not name an object; write s3://bucket/key")
    # Late: a provider that is asked for no link loads no SDK.
    from botocore.config import Config
    from botocore.session import Session

    client = Session().create_client(
        "s3",
        endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        region_name=environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    link: str = client.generate_presigned_url(
        "get_object", {"Bucket": address.netloc, "Key": key}, ExpiresIn=LIFE_SECONDS
    )
    return link
