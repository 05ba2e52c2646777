"""Keys from the platform's own store, and from one that is set up as an office's: the same real
store, whose STS the broker then asks by the settings for external ones."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from nacelle.credentials.check_store import ONE, CheckFailed, check
from nacelle.credentials.client import fetch_keys
from nacelle.credentials.issuer import Identity, Issuer
from nacelle.credentials.keys import Keys, KeysRefused
from nacelle.credentials.stores import issuer_url, make_store
from nacelle.layout import Layout
from nacelle.secrets import ensure_secrets
from nacelle.settings import Settings, SettingsError, load_settings
from tests.storage.conftest import RunningStore, installation
from tests.support.keybroker import KeyBroker
from tests.support.sts import ACCESS, REGION, SECRET, OfficeSts
from tests.support.waiting import free_base

DENIED = {"AccessDenied", "403", "Forbidden"}


@pytest.fixture(scope="module", params=["embedded", "external"])
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[KeyBroker, RunningStore]]:
    folder = tmp_path_factory.mktemp(request.param)
    store = installation(folder, free_base())
    layout = store.layout
    if request.param == "external":
        layout = as_offices(layout, folder)
    with KeyBroker(layout) as broker:
        store.start()
        try:
            yield broker, store
        finally:
            store.terminate()


def as_offices(layout: Layout, folder: Path) -> Layout:
    """Settings of a platform whose store is an office's: the one of `layout`."""
    file = folder / "external.yaml"
    store = {
        "kind": "external",
        "url": layout.address("store"),
        "issuer_url": layout.broker_url,
    }
    port = layout.settings.port
    file.write_text(json.dumps({"port": port, "data_dir": "broker", "store": store}))
    return Layout(load_settings(file))


def refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


def test_keys_open_one_s_own_buckets_and_no_others(
    platform: tuple[KeyBroker, RunningStore],
) -> None:
    broker, store = platform
    ann = broker.s3(broker.keys("ann", "prix"), store.url)
    bob = broker.s3(broker.keys("bob"), store.url)
    ann.put_object(Bucket="user-ann", Key="secret", Body=b"hers")
    ann.put_object(Bucket="projet-prix", Key="shared", Body=b"ours")
    for bucket, key in (("user-ann", "secret"), ("projet-prix", "shared")):
        assert refused(lambda: bob.get_object(Bucket=bucket, Key=key))  # noqa: B023
        assert refused(lambda: bob.put_object(Bucket=bucket, Key="x", Body=b""))  # noqa: B023
        assert refused(lambda: bob.list_objects_v2(Bucket=bucket))  # noqa: B023
    carol = broker.s3(broker.keys("carol", "prix"), store.url)
    assert carol.get_object(Bucket="projet-prix", Key="shared")["Body"].read() == b"ours"


def test_a_name_that_looks_like_another_s_opens_nothing_of_theirs(
    platform: tuple[KeyBroker, RunningStore],
) -> None:
    broker, store = platform
    broker.s3(broker.keys("ann"), store.url).put_object(Bucket="user-ann", Key="k", Body=b"hers")
    for name in ("Ann", "ann ", "*", "../ann", "ann/", "user-ann", "ann\n", "${aws:username}"):
        thief = broker.s3(broker.keys(name, "../../user-ann"), store.url)
        assert refused(lambda: thief.get_object(Bucket="user-ann", Key="k")), name  # noqa: B023


def test_a_token_that_ended_gets_no_keys(platform: tuple[KeyBroker, RunningStore]) -> None:
    broker, _ = platform
    broker.tokens.holders["of-a-job"] = Identity("user", "ann")
    assert fetch_keys(broker.url, "of-a-job").access_key
    del broker.tokens.holders["of-a-job"]
    with pytest.raises(KeysRefused, match="may have ended"):
        fetch_keys(broker.url, "of-a-job")
    for wrong in ("x", broker.issuer.sign(Identity("user", "ann"), "nacelle-store")):
        assert broker.ask(wrong).status_code == 401


def test_nothing_secret_is_logged(
    platform: tuple[KeyBroker, RunningStore], caplog: pytest.LogCaptureFixture
) -> None:
    broker, store = platform
    with caplog.at_level(logging.DEBUG):
        keys = broker.keys("ann", "prix")
    written = " ".join(str(vars(record)) for record in caplog.records)
    written += store.out.read_text() + store.err.read_text()
    assert keys.access_key in written
    assert keys.secret_key not in written and keys.session_token not in written


def test_keys_outlive_a_restart_of_the_store(platform: tuple[KeyBroker, RunningStore]) -> None:
    broker, store = platform
    broker.keys("ann")
    store.kill()
    store.start()
    # The connections of before are dead; nobody notices.
    assert broker.keys("ann").access_key


def office(folder: Path, **store: Any) -> Layout:
    layout = Layout(Settings.model_validate({"data_dir": folder, "store": store}))
    ensure_secrets(layout)
    return layout


def test_the_settings_for_a_role_with_keys(tmp_path: Path) -> None:
    with OfficeSts() as sts:
        role = "arn:aws:iam::123456789012:role/nacelle"
        layout = office(
            tmp_path,
            kind="external",
            url="https://s3.example",
            sts_url=sts.url,
            exchange="assume-role",
            role=role,
            region=REGION,
            make_buckets=False,
        )
        (layout.secrets / "store.access").write_text(ACCESS + "\n")
        (layout.secrets / "store.secret").write_text(SECRET + "\n")
        store = make_store(layout, Issuer("http://x", tmp_path / "keys.json"))
        store.exchange.keys(Identity("user", "ann"), 3600)
        assert store.buckets is None
        assert sts.asked[0]["RoleArn"] == role
        assert "user-ann" in sts.asked[0]["Policy"]


def test_the_keys_of_the_broker_are_asked_for(tmp_path: Path) -> None:
    layout = office(tmp_path, kind="external", url="https://s3.example", exchange="assume-role")
    with pytest.raises(SettingsError, match=r"store\.access"):
        make_store(layout, Issuer("http://x", tmp_path / "keys.json"))


@pytest.mark.parametrize("store", [{"kind": "external"}, {"url": "https://s3.example"}])
def test_an_external_store_and_no_other_has_an_address(store: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="an external store, and no other"):
        Settings.model_validate({"store": store})


def test_the_name_of_the_issuer(tmp_path: Path) -> None:
    url = "https://nacelle.example/services/broker"
    theirs = {"kind": "external", "url": "https://s3.example"}
    assert issuer_url(office(tmp_path, **theirs, issuer_url=url)) == url
    assert issuer_url(office(tmp_path, **theirs)).startswith("http://127.0.0.1")
    # The platform's own store reaches the broker on loopback whatever else is said.
    assert issuer_url(office(tmp_path, issuer_url=url)).startswith("http://127.0.0.1")


def test_the_check_of_a_store(platform: tuple[KeyBroker, RunningStore]) -> None:
    broker, store = platform
    said = list(check(make_store(broker.layout, broker.issuer), 3600))
    assert said[0].startswith("keys are given; they live 3")
    assert said[-1] == "keys open no other bucket: the store keeps people apart"
    ours = broker.s3(broker.keys("checka", kind="service"), store.url)
    assert "Contents" not in ours.list_objects_v2(Bucket="service-checka")


def test_the_check_finds_a_store_that_lets_everybody_in(
    platform: tuple[KeyBroker, RunningStore],
) -> None:
    """The same store, asked in a way that gives each person the rights of one."""
    broker, _ = platform
    honest = make_store(broker.layout, broker.issuer)

    class Careless:
        def keys(self, identity: Identity, life: int) -> Keys:
            return honest.exchange.keys(ONE, life)

    careless = replace(honest, exchange=Careless(), buckets=None)
    with pytest.raises(CheckFailed, match="could read: the store does not obey"):
        list(check(careless, 3600))


def test_the_check_as_a_command(platform: tuple[KeyBroker, RunningStore], tmp_path: Path) -> None:
    _, store = platform

    def run(file: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "nacelle.credentials.check_store"],
            env={"NACELLE_SETTINGS": str(file), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=120,
        )

    external = store.settings_file.with_name("external.yaml")
    good = run(external if external.exists() else store.settings_file)
    assert good.returncode == 0, good.stderr
    assert good.stdout.count("ok: ") == 3
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text(json.dumps({"data_dir": "data", "store": {"kind": "external"}}))
    assert run(lacking).returncode == 2
    gone = tmp_path / "gone.yaml"
    gone.write_text(json.dumps({"data_dir": "data", "port": free_base()}))
    refused = run(gone)
    assert refused.returncode == 1 and "NOT OK: no keys" in refused.stderr
