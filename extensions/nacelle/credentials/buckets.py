"""Make sure that the buckets which somebody may use exist when their keys are handed out."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nacelle.credentials.issuer import Identity
from nacelle.credentials.keys import Keys, KeysUnavailable
from nacelle.storage.slug import (
    PUBLIC_BUCKET,
    SlugError,
    project_bucket,
    service_bucket,
    user_bucket,
)

log = logging.getLogger(__name__)


def buckets_of(identity: Identity) -> list[str]:
    """Names of the buckets that `identity` may write to, its own first.

    Raises SlugError, with a sentence, when its own cannot be named.
    """
    own = user_bucket if identity.kind == "user" else service_bucket
    names = [own(identity.name)]
    for project in identity.projects:
        # A group whose name is too long for a bucket has none; its members keep their others.
        with suppress(SlugError):
            names.append(project_bucket(project))
    return [*names, PUBLIC_BUCKET] if identity.admin else names


@dataclass(frozen=True)
class Access:
    """Where a store is. `outside`: it may be beyond the office's web proxy, which is then used."""

    endpoint: str
    region: str
    verify: str | bool = True
    outside: bool = False


def connect(access: Access, keys: Keys) -> Any:
    """An S3 client with `keys`."""
    # A session of its own: boto3's default session may not be shared between threads.
    return boto3.session.Session().client(
        "s3",
        endpoint_url=access.endpoint,
        region_name=access.region,
        verify=access.verify,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token,
        config=Config(
            connect_timeout=3,
            read_timeout=30,
            retries={"total_max_attempts": 2},
            proxies=None if access.outside else {},
            s3={"addressing_style": "path"},
        ),
    )


class Buckets:
    """Creates missing buckets with the keys of the person they belong to; remembers which exist."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._known: set[str] = set()
        # One a bucket: a store that is slow for one person does not keep the others waiting.
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def ensure(self, names: Iterable[str], keys: Keys) -> None:
        """Create what is missing. Raises KeysUnavailable when the store does not answer."""
        missing = [name for name in names if name not in self._known]
        if not missing:
            return
        client = connect(self._access, keys)
        for name in missing:
            with self._locks[name]:
                if name not in self._known:
                    self._create(client, name)
                    self._known.add(name)

    def _create(self, client: Any, name: str) -> None:
        place = {"LocationConstraint": self._access.region}
        # The first region of all is the one that must not be named.
        more = {} if self._access.region == "us-east-1" else {"CreateBucketConfiguration": place}
        try:
            client.create_bucket(Bucket=name, **more)
            log.info("bucket created", extra={"bucket": name})
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "BucketAlreadyExists":
                self._open(client, name)
            elif code != "BucketAlreadyOwnedByYou":
                message = error.response["Error"]["Message"]
                raise KeysUnavailable(f"bucket {name} cannot be made: {message}") from None
        except BotoCoreError as error:
            raise _lost(error) from None

    def _open(self, client: Any, name: str) -> None:
        """Whether a bucket that somebody made opens to these keys; at some stores names are the
        whole world's."""
        try:
            client.head_bucket(Bucket=name)
        except ClientError:
            raise KeysUnavailable(
                f"bucket {name} exists and does not open to its owner's keys: another account of"
                " the store may have it; tell your administrator"
            ) from None
        except BotoCoreError as error:
            raise _lost(error) from None


def _lost(error: BotoCoreError) -> KeysUnavailable:
    return KeysUnavailable(
        f"the store does not answer ({type(error).__name__}); it may be restarting"
    )
