"""The platform on a real cluster, in namespaces of its own that hold to "restricted".

Tier: cluster. KUBECONFIG names it; NACELLE_TEST_HUB_IMAGE and NACELLE_TEST_LAB_IMAGE name images
that its nodes have or can pull. What steps here have in common with the emulator is in
tests/support/kubernetes/steps.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.cluster.real import RealCluster
from tests.cluster.site import KEY_LIFE, QUOTA, RealSite
from tests.support.kubernetes import steps
from tests.support.kubernetes.kinds import CRON_JOBS, NAMESPACES
from tests.support.waiting import wait_for

WANTED = ("KUBECONFIG", "NACELLE_TEST_HUB_IMAGE", "NACELLE_TEST_LAB_IMAGE")
LACKING = [name for name in WANTED if not os.environ.get(name)]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(LACKING), reason=f"no cluster: {', '.join(LACKING)} not set"),
    pytest.mark.timeout(1800),
]

_RENEWED = f"""
import time, boto3
s3 = boto3.client("s3")
def key():
    return s3._request_signer._credentials.get_frozen_credentials().access_key
def put(name):
    s3.put_object(Bucket="user-alice", Key=name, Body=b"x")
put("first")
before = key()
time.sleep({KEY_LIFE} + 15)
put("second")
print(before != key())
"""
_JOB = """
import json, time
from pathlib import Path
import nbformat
from nacelle.jobs.client import JobsClient
cells = [nbformat.v4.new_code_cell("print('six times seven is', 6 * 7)")]
meta = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=meta), "figures.ipynb")
jobs = JobsClient()
made = jobs.create("figures.ipynb", schedule="* * * * *", zone="UTC", profile="tight", first="arm")
end = time.monotonic() + 420
while time.monotonic() < end:
    done = [run for run in jobs.runs(made.job.id) if run.ended]
    if done:
        break
    time.sleep(3)
run = done[-1]
if run.state != "succeeded":
    print(run.exit, jobs.log(run.id)[0])
import s3fs
with s3fs.S3FileSystem().open(run.notebook, "rb") as file:
    text = file.read().decode()
print(json.dumps([run.state, run.cause, "six times seven is 42" in text]))
jobs.delete(made.job.id)
"""
_PROBE = """
import json, socket
def probe(host, port):
    try:
        socket.create_connection((host, port), 5).close()
    except OSError as error:
        return type(error).__name__
    return "open"
def name(host):
    try:
        return bool(socket.getaddrinfo(host, 1))
    except OSError as error:
        return type(error).__name__
print(json.dumps([[one, probe(*one)] for one in {targets}] + [["dns", name("{host}")]]))
"""
_ACCESS = """
import json, os, ssl, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
context = ssl.create_default_context(cafile=folder + "/ca.crt")
token = open(folder + "/token").read()
def ask(namespace):
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    host = f"[{host}]" if ":" in host else host
    url = f"https://{host}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1/namespaces/{namespace}/pods"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
    try:
        return urllib.request.urlopen(request, context=context, timeout=15).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([ask(os.environ["KUBERNETES_NAMESPACE"]), ask("SESSIONS")]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    hub, lab = os.environ["NACELLE_TEST_HUB_IMAGE"], os.environ["NACELLE_TEST_LAB_IMAGE"]
    with (
        RealCluster() as cluster,
        RealSite(cluster, tmp_path_factory.mktemp("site"), hub, lab).running() as running,
    ):
        yield running


def test_the_namespaces_hold_to_the_restricted_standard(site: RealSite) -> None:
    for name in (site.platform, site.sessions, site.jobs):
        found = site.cluster.get(NAMESPACES, name)
        assert found
        labels = found["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("profile", ["python", "r", "julia"])
def test_login_and_a_session_of_each_profile(site: RealSite, profile: str) -> None:
    steps.start_open_and_stop(site, "alice", profile=profile)


def test_a_gpu_that_no_machine_has_is_told_before_the_start(site: RealSite) -> None:
    with site.person("alice") as alice:
        asked = alice.call("POST", "users/alice/server", json={"profile": "python-gpu"})
        if asked.status_code in (201, 202):
            alice.call("DELETE", "users/alice/server")
            pytest.skip("this cluster has GPUs")
        assert asked.status_code != 500 and "GPU" in asked.json()["message"]


def test_a_start_that_hangs_can_be_given_up(site: RealSite) -> None:
    steps.give_up(site, "alice")


def test_a_full_quota_is_told_in_words(site: RealSite) -> None:
    steps.full_quota_in_words(site, "alice")


def test_more_than_the_whole_quota_is_refused_with_what_is_left(site: RealSite) -> None:
    with site.person("alice") as alice:
        asked = alice.call(
            "POST", "users/alice/server", json={"profile": "python", "size": "large"}
        )
        assert asked.status_code not in (201, 202, 500), QUOTA
        assert site.pod("alice") is None


def test_a_session_killed_for_its_memory_is_told_of(site: RealSite) -> None:
    steps.killed_for_memory_in_words(site, "alice")


def test_a_killed_hub_finds_the_sessions_again(site: RealSite) -> None:
    steps.hub_restart_with_a_live_session(site, "alice")


def test_a_lost_home_is_made_again_and_told(site: RealSite) -> None:
    steps.lost_claim(site, "alice")


def test_what_nobody_may_choose_is_refused_at_the_door(site: RealSite) -> None:
    steps.refused_by_every_door(site, "alice", steps.ATTACKS)


def test_keys_renew_in_a_running_kernel(site: RealSite) -> None:
    with steps.session(site, "alice", profile="python") as (_, server):
        assert server.kernel().run(_RENEWED).strip() == "True"


def test_a_job_on_a_schedule_leaves_its_output_in_the_store(site: RealSite) -> None:
    with steps.session(site, "alice", profile="python") as (_, server):
        said = server.kernel().run(_JOB).strip().splitlines()
    assert json.loads(said[-1]) == ["succeeded", "schedule", True], said
    wait_for(lambda: not site.cluster.find(CRON_JOBS, site.jobs), 60, "the CronJob's end")


def test_pods_reach_the_platform_and_dns_and_nothing_inside(site: RealSite) -> None:
    with (
        steps.session(site, "bob", profile="tight"),
        steps.session(site, "alice", profile="tight") as (_, server),
    ):
        other = site.pod("bob")
        assert other
        host = f"nacelle.{site.platform}.svc"
        targets = {
            (host, 8000): "open",
            (host, 8003): "open",
            (host, 8001): "closed",
            (other["status"]["podIP"], 8888): "closed",
            ("169.254.169.254", 80): "closed",
            ("kubernetes.default.svc", 443): "closed",
            **{(one, port): "closed" for one in site.api_server for port in (443, 6443)},
        }
        code = _PROBE.replace("{targets}", repr(list(targets))).replace("{host}", host)
        told = json.loads(server.kernel().run(code))
    found = {tuple(key) if isinstance(key, list) else key: said for key, said in told}
    assert found.pop("dns") is True, told
    # However a network refuses: it may answer, or be silent.
    assert {key: said == "open" for key, said in found.items()} == {
        key: said == "open" for key, said in targets.items()
    }, told


def test_cluster_access_is_of_the_person_s_own_namespace_alone(site: RealSite) -> None:
    with steps.session(site, "alice", profile="kube") as (_, server):
        code = _ACCESS.replace("SESSIONS", site.sessions)
        assert json.loads(server.kernel().run(code)) == [200, 403]
