"""Try the store that the settings name: are keys given, and do they keep people apart?

`python -m nacelle.credentials.check_store`, where the broker runs. A store that takes session
policies and does not obey them would give everybody everything: this finds it out. Two made-up
services ask for keys; what they write is removed again, their two empty buckets stay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nacelle.credentials.buckets import buckets_of, connect
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys, KeysUnavailable
from nacelle.credentials.stores import Store, issuer_url, make_store
from nacelle.layout import Layout
from nacelle.settings import SettingsError, load_settings

ONE, OTHER = Identity("service", "checka"), Identity("service", "checkb")
_OBJECT = "nacelle-check"
_REFUSALS = frozenset({"AccessDenied", "403", "Forbidden"})


class CheckFailed(Exception):
    """The store cannot be used as it is; the message says why and what to do."""


def check(store: Store, life: int) -> Iterator[str]:
    """What holds, a sentence each. Raises CheckFailed with the first thing that does not."""
    one, other = _keys(store, ONE, life), _keys(store, OTHER, life)
    yield f"keys are given; they live {(one.expires - one.issued).total_seconds():.0f} s"
    bucket = buckets_of(ONE)[0]
    ours, theirs = connect(store.access, one), connect(store.access, other)
    _must(lambda: ours.put_object(Bucket=bucket, Key=_OBJECT, Body=b"x"), f"writing to {bucket}")
    _must(lambda: ours.get_object(Bucket=bucket, Key=_OBJECT), f"reading from {bucket}")
    yield f"keys open their own bucket ({bucket})"
    place = {"Bucket": bucket, "Key": _OBJECT}
    try:
        for doing, call in {
            "read": lambda: theirs.get_object(**place),
            "list": lambda: theirs.list_objects_v2(Bucket=bucket),
            "write": lambda: theirs.put_object(**place, Body=b"y"),
            "delete": lambda: theirs.delete_object(**place),
        }.items():
            _must_not(call, doing)
    finally:
        ours.delete_object(**place)
    yield "keys open no other bucket: the store keeps people apart"


def _keys(store: Store, identity: Identity, life: int) -> Keys:
    try:
        keys = store.exchange.keys(identity, life)
        if store.buckets is not None:
            store.buckets.ensure(buckets_of(identity), keys)
    except KeysUnavailable as error:
        raise CheckFailed(f"no keys: {error}") from None
    return keys


def _must(call: Callable[[], Any], doing: str) -> None:
    try:
        call()
    except (ClientError, BotoCoreError) as error:
        raise CheckFailed(
            f"{doing} failed ({error}). Is the role allowed that much? With store.make_buckets"
            " false the bucket must have been made."
        ) from None


def _must_not(call: Callable[[], Any], doing: str) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _REFUSALS:
            return
        raise CheckFailed(f"the store answers neither yes nor no to a stranger: {error}") from None
    raise CheckFailed(
        f"a stranger could {doing}: the store does not obey session policies. Do not use it with"
        " this platform."
    )


def main() -> int:
    """Print what holds; exit code 1 when something does not, 2 when the settings lack something."""
    try:
        settings = load_settings()
        layout = Layout(settings)
        issuer = Issuer(issuer_url(layout), layout.folder("broker") / "keys.json")
        for sentence in check(make_store(layout, issuer), settings.store.key_life):
            print(f"ok: {sentence}")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except CheckFailed as error:
        print(f"NOT OK: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
