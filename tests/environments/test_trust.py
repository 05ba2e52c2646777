"""How a pod comes to trust the platform's own store."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from nacelle.environments import trust
from nacelle.environments.variables import cluster_addresses
from nacelle.layout import Layout
from nacelle.settings import Settings, SettingsError, load_settings
from nacelle.storage.embedded.tls import certificate_path, ensure_tls


def settings_in(folder: Path, cluster: dict[str, Any] | None = None, **store: Any) -> Settings:
    made: dict[str, Any] = {"data_dir": folder, "store": store, "cluster": cluster or {}}
    return Settings.model_validate(made)


def names(file: Path) -> set[str]:
    found: Any = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]
    return {value for kind, value in found["subjectAltName"] if kind == "DNS"}


def test_the_store_s_certificate_has_the_name_that_pods_use(tmp_path: Path) -> None:
    ensure_tls(Layout(settings_in(tmp_path, tls=True)))
    file = certificate_path(Layout(settings_in(tmp_path)))
    before = file.read_text()
    assert names(file) == {"localhost"}
    address = {"store_url": "https://nacelle.platform.svc:8003"}
    open_ = settings_in(tmp_path, address, tls=True, host="0.0.0.0")
    ensure_tls(Layout(open_))
    assert names(file) == {"localhost", "nacelle.platform.svc"}
    assert file.read_text() != before
    kept = file.read_text()
    ensure_tls(Layout(open_))
    assert file.read_text() == kept


def test_pods_get_the_authority_and_write_it_beside_those_of_the_world(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tls=True)
    assert cluster_addresses(settings).authority is None
    ensure_tls(Layout(settings))
    found = cluster_addresses(settings)
    assert found.ca_bundle == trust.BUNDLE
    assert found.authority and "PRIVATE" not in found.authority
    file = tmp_path / "bundle.pem"
    trust.write_bundle({trust.VARIABLE: found.authority, "AWS_CA_BUNDLE": str(file)})
    context = ssl.create_default_context(cafile=str(file))
    authorities = [dict(one[0] for one in ca["subject"]) for ca in context.get_ca_certs()]  # type: ignore[misc,index,attr-defined]
    assert {"commonName": "Nacelle local authority"} in authorities
    assert len(authorities) > 50


@pytest.mark.parametrize(
    ("cluster", "store"),
    [
        ({}, {}),
        ({"ca_bundle": "/etc/office.pem"}, {"tls": True}),
        ({}, {"kind": "external", "url": "https://s3.office.example", "tls": True}),
    ],
)
def test_no_authority_where_images_or_the_world_have_it(
    tmp_path: Path, cluster: dict[str, Any], store: dict[str, Any]
) -> None:
    ensure_tls(Layout(settings_in(tmp_path, tls=True)))
    found = cluster_addresses(settings_in(tmp_path, cluster, **store))
    assert found.authority is None
    assert found.ca_bundle == cluster.get("ca_bundle")


def test_an_open_store_without_tls_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("store: {host: 0.0.0.0}\n")
    with pytest.raises(SettingsError, match=r"set tls: true"):
        load_settings(file)
