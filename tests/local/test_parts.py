from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from nacelle.layout import PORTS, Layout
from nacelle.local.checks import CannotStart
from nacelle.local.parts import Part, make_parts, make_supervisor_conf
from nacelle.local.platform import ensure_authorities
from nacelle.settings import Settings, StoreSettings
from nacelle.settings.cluster import ClusterSettings

TOKENS = {
    "broker": "b" * 64,
    "mlflow": "m" * 64,
    "culler": "c" * 64,
    "nace": "n" * 64,
    "jobs": "j" * 64,
    "jobs-engine": "e" * 64,
}


def layout_in(folder: Path) -> Layout:
    layout = Layout(Settings(data_dir=folder, port=9000))
    layout.logs.mkdir(parents=True)
    layout.run.mkdir()
    return layout


def beside_a_chart(folder: Path) -> Layout:
    cluster = ClusterSettings(hub_api_url="http://hub:8081/hub/api")
    return Layout(Settings(data_dir=folder, port=9000, cluster=cluster))


def read_back(folder: Path, conf: str) -> dict[str, object]:
    """As supervisord itself reads it."""
    file = folder / "conf"
    file.write_text(conf, encoding="utf-8")
    options = ServerOptions()
    options.realize(["-c", str(file)])
    return {group.name: group.process_configs[0] for group in options.process_group_configs}


def test_supervisord_reads_what_was_meant(tmp_path: Path) -> None:
    layout = layout_in(tmp_path / "a folder; with 100%")
    parts = (
        Part(
            "odd",
            "an odd part",
            ("/bin/echo", "two words", 'a "quote"', "50%", "; no comment", "plain"),
            None,
            10,
            {"JSON": '["a", "b=c,d"]', "PERCENT": "100%"},
        ),
    )
    conf = make_supervisor_conf(layout, parts, layout.run / "s.sock")
    process = read_back(tmp_path, conf)["odd"]
    assert shlex.split(process.command) == list(parts[0].command)  # type: ignore[attr-defined]
    assert process.environment == {"NACELLE_PART": "odd", **parts[0].environment}  # type: ignore[attr-defined]
    assert process.directory == str(layout.run)  # type: ignore[attr-defined]


def test_every_part_is_restarted_and_logs_in_its_own_file(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    parts = make_parts(layout, tmp_path, TOKENS)
    read = read_back(tmp_path, make_supervisor_conf(layout, parts, layout.run / "s.sock"))
    assert set(read) == {part.name for part in parts}
    for name, process in read.items():
        assert process.autorestart is not False  # type: ignore[attr-defined]
        assert process.stdout_logfile == str(layout.logs / f"{name}.log")  # type: ignore[attr-defined]


def test_each_service_has_its_own_token_and_no_other(tmp_path: Path) -> None:
    for part in make_parts(layout_in(tmp_path), tmp_path, TOKENS):
        held = {value for value in part.environment.values() if value in TOKENS.values()}
        assert len(held) <= 1
        assert not any(token in word for token in TOKENS.values() for word in part.command)


def test_tokens_do_not_show_in_a_repr(tmp_path: Path) -> None:
    parts = make_parts(layout_in(tmp_path), tmp_path, TOKENS)
    assert not any(token in repr(parts) for token in TOKENS.values())


def test_beside_a_chart_s_hub_run_the_others_and_call_it(tmp_path: Path) -> None:
    own = {part.name for part in make_parts(layout_in(tmp_path), tmp_path, TOKENS)}
    parts = make_parts(beside_a_chart(tmp_path), tmp_path, TOKENS)
    assert own - {part.name for part in parts} == {"proxy", "hub", "culler"}
    asked = {part.environment.get("JUPYTERHUB_API_URL") for part in parts}
    assert asked == {None, "http://hub:8081/hub/api"}


def test_only_what_a_hub_elsewhere_calls_listens_beyond_loopback(tmp_path: Path) -> None:
    layout = beside_a_chart(tmp_path)
    called = {part for part in PORTS if layout.listens_on(part) == "0.0.0.0"}
    assert called == {"broker", "mlflow-door", "nace", "jobs"}
    own = layout_in(tmp_path / "own")
    assert {own.listens_on(part) for part in PORTS} == {"127.0.0.1"}


def test_an_office_s_own_store_is_not_started_here(tmp_path: Path) -> None:
    store = StoreSettings(kind="external", url="https://s3.example")
    layout = Layout(Settings(data_dir=tmp_path, port=9000, store=store))
    assert "store" not in {part.name for part in make_parts(layout, tmp_path, TOKENS)}
    assert layout.store_url == "https://s3.example"
    assert layout.store_authorities is None


def test_its_private_authority_is_trusted_beside_the_world_s(tmp_path: Path) -> None:
    own = tmp_path / "ca.pem"
    own.write_text("-----BEGIN CERTIFICATE-----\nown\n", encoding="ascii")
    store = StoreSettings(kind="external", url="https://s3.example", ca_file=str(own))
    layout = Layout(Settings(data_dir=tmp_path, port=9000, store=store))
    ensure_authorities(layout)
    assert layout.store_authorities is not None
    bundle = Path(layout.store_authorities).read_text(encoding="utf-8")
    assert bundle.endswith("own\n") and bundle.count("BEGIN CERTIFICATE") > 50
    own.unlink()
    with pytest.raises(CannotStart, match=r"store\.ca_file"):
        ensure_authorities(layout)
