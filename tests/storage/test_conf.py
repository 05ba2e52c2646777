"""The configuration of Swift, as a pure function of the plan."""

from __future__ import annotations

from configparser import ConfigParser
from dataclasses import replace
from pathlib import Path

from nacelle.storage.embedded import conf

PLAN = conf.Plan(
    state=Path("/data/store"),
    key_file=Path("/data/secrets/store.key"),
    region="eu-test-1",
    issuer="http://127.0.0.1:8005/services/broker",
    key_life=60,
    hash_prefix="abc",
)


def read(text: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser


def test_one_file_a_server_and_one_for_all() -> None:
    assert sorted(conf.conf_files(PLAN)) == [
        "account-server.conf",
        "container-server.conf",
        "object-server.conf",
        "proxy-server.conf",
        "swift.conf",
    ]
    assert conf.conf_files(PLAN) == conf.conf_files(replace(PLAN))


def test_the_hash_prefix_stands_in_swift_conf() -> None:
    assert read(conf.swift_conf(PLAN))["swift-hash"]["swift_hash_path_prefix"] == "abc"


def test_the_door_checks_keys_before_anything_is_reached() -> None:
    proxy = read(conf.proxy_conf(PLAN))
    pipeline = proxy["pipeline:main"]["pipeline"].split()
    order = ["gatekeeper", "accesslog", "sts", "front", "s3api", "auth", "copy", "slo"]
    assert sorted(order, key=pipeline.index) == order
    assert pipeline[-1] == "proxy-server"
    for name in ("tempurl", "tempauth", "formpost", "staticweb", "bulk", "container_sync"):
        assert name not in pipeline
    assert all(f"filter:{name}" in proxy for name in pipeline[:-1])


def test_choices_that_data_depend_on() -> None:
    proxy = read(conf.proxy_conf(PLAN))
    assert proxy["app:proxy-server"]["error_suppression_interval"] == "0"
    assert proxy["filter:slo"]["allow_async_delete"] == "false"
    assert proxy["filter:s3api"]["s3_acl"] == "false"
    assert proxy["filter:s3api"]["location"] == "eu-test-1"
    assert proxy["filter:sts"]["key_life"] == "60"


def test_settings_name_files_of_secrets_and_hold_none() -> None:
    assert read(conf.proxy_conf(PLAN))["filter:auth"]["key_file"] == "/data/secrets/store.key"
