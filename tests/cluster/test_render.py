"""`nacelle render`: what an administrator applies, asked as they ask."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from click.testing import CliRunner

from nacelle.cli import main
from nacelle.layout import Layout
from nacelle.local.adopt import adopt
from nacelle.secrets import read_secret
from nacelle.settings import load_settings
from tests.support.installation import ROOT
from tests.support.kubernetes import rbac
from tests.support.kubernetes.kinds import Address
from tests.support.kubernetes.objects import Objects

PROFILES = ROOT / "hub_config" / "profiles.yaml"


def render(tmp_path: Path, *words: str, profiles: Path = PROFILES, **raw: Any) -> list[Any]:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({"profiles": str(profiles), **raw}))
    command = ["render", "--settings", str(file), "--image", "hub:1", *words]
    answer = CliRunner().invoke(main, command, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return list(yaml.safe_load_all(answer.output))


def one(made: list[Any], kind: str, name: str = "nacelle", namespace: str = "") -> Any:
    (found,) = [
        item
        for item in made
        if (item["kind"], item["metadata"]["name"]) == (kind, name)
        and namespace in ("", item["metadata"].get("namespace"))
    ]
    return found


def test_what_is_printed_can_be_applied_in_order(tmp_path: Path) -> None:
    made = render(tmp_path)
    spaces = [item["metadata"]["name"] for item in made if item["kind"] == "Namespace"]
    assert spaces == ["nacelle-platform", "nacelle", "nacelle-jobs"]
    kinds = [item["kind"] for item in made]
    assert kinds[:3] == ["Namespace"] * 3 and kinds[-1] == "Deployment"
    assert {item["metadata"].get("namespace") for item in made} <= {*spaces, None}
    for item in made:
        kubernetes_validate.validate(item, "1.36", strict=True)


def test_the_settings_in_the_pod_are_those_of_the_file_with_the_pod_s_addresses(
    tmp_path: Path,
) -> None:
    made = render(tmp_path, "--namespace", "office", title="Office", hub={"language": "fr"})
    data = one(made, "ConfigMap")["data"]
    assert data["profiles.yaml"] == PROFILES.read_text()
    inside = tmp_path / "inside.yaml"
    inside.write_text(data["settings.yaml"])
    settings = load_settings(inside)
    assert (settings.title, settings.hub.language) == ("Office", "fr")
    assert (settings.sessions.engine, settings.jobs.engine) == ("kubernetes", "kubernetes")
    assert settings.data_dir == Path("/srv/nacelle/data")
    assert settings.cluster.hub_url == "http://nacelle.office.svc:8000"
    assert settings.cluster.store_url == "https://nacelle.office.svc:8003"
    assert settings.store.tls and settings.store.host == "0.0.0.0"
    assert settings.profiles == Path("/etc/nacelle/profiles.yaml")


def test_an_external_store_has_no_door_here(tmp_path: Path) -> None:
    made = render(
        tmp_path,
        "--allow=10.9.0.0/16",
        store={"kind": "external", "url": "https://s3.office.example"},
        cluster={"store_url": "https://s3.office.example"},
    )
    ports = [port["port"] for port in one(made, "Service")["spec"]["ports"]]
    assert ports == [8000]
    assert "10.9.0.0/16" in yaml.safe_dump(one(made, "NetworkPolicy", "nacelle-sessions"))


def test_quotas_are_those_that_are_asked_for(tmp_path: Path) -> None:
    made = render(tmp_path, "--sessions-quota=limits.memory=64Gi", "--sessions-quota", "pods=20")
    assert one(made, "ResourceQuota")["spec"]["hard"] == {"limits.memory": "64Gi", "pods": "20"}
    answer = CliRunner().invoke(main, ["render", "--image=i", "--jobs-quota=pods"])
    assert answer.exit_code == 2 and "write NAME=VALUE" in answer.output


def test_wrong_settings_are_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("titel: x\n")
    answer = CliRunner().invoke(main, ["render", "--settings", str(file), "--image", "i"])
    assert answer.exit_code == 2
    assert "did you mean 'title'?" in answer.output


@pytest.mark.parametrize("access", [False, True])
def test_the_one_account_may_what_the_parts_ask_for_and_no_more(
    tmp_path: Path, access: bool
) -> None:
    catalogue = yaml.safe_load(PROFILES.read_text())
    if access:
        catalogue[0]["cluster_access"] = "view"
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text(yaml.safe_dump(catalogue))
    made = render(tmp_path, profiles=profiles)
    held = Objects("none")
    asyncio.run(held.apply(made))
    account = rbac.Account("nacelle-hub", "nacelle-platform")

    def may(verb: str, kind: str, namespace: str, sub: str = "") -> bool:
        return rbac.refuse(held, account, verb, Address(kind, namespace, "x", sub), {}) is None

    assert may("create", "v1/pods", "nacelle") and may("delete", "v1/pods", "nacelle")
    assert may("create", "batch/v1/jobs", "nacelle-jobs")
    assert may("fetch", "v1/pods", "nacelle-jobs", "log")
    assert may("list", "v1/nodes", "")
    for namespace in ("nacelle", "nacelle-jobs", "nacelle-platform", "kube-system"):
        assert not may("fetch", "v1/secrets", namespace)
        assert not may("list", "v1/secrets", namespace)
    assert not may("create", "v1/pods", "nacelle-platform")
    assert not may("create", "v1/pods", "nacelle-jobs")
    assert may("create", "v1/namespaces", "") is access
    names = {item["metadata"]["name"] for item in made}
    assert ("nacelle-session-edit" in names) is access


def test_an_office_s_secrets_are_taken_over(tmp_path: Path) -> None:
    # As a kubelet mounts a Secret: links to a folder whose name begins with dots.
    mounted = tmp_path / "mounted"
    inner = mounted / "..2026"
    inner.mkdir(parents=True)
    (inner / "oidc.secret").write_text("of-the-office\n")
    (mounted / "..data").symlink_to("..2026")
    (mounted / "oidc.secret").symlink_to("..data/oidc.secret")
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "data")}))
    layout = Layout(load_settings(file))
    assert adopt(layout, mounted) == ["oidc.secret"]
    assert read_secret(layout, "oidc.secret") == "of-the-office"
    assert (layout.secrets / "oidc.secret").stat().st_mode & 0o777 == 0o600
    (inner / "oidc.secret").write_text("changed")
    assert adopt(layout, mounted) == ["oidc.secret"]
    assert read_secret(layout, "oidc.secret") == "changed"
    assert adopt(layout, tmp_path / "nowhere") == []
