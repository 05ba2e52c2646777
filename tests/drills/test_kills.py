"""kill -9 of each part while a user works: the kernel lives, acknowledged objects are all there,
and all is well again within a minute without a hand."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from nacelle.local import processes
from nacelle.local.platform import Platform
from tests.support.installation import NACELLE, ROOT, Installation, plain_environment
from tests.support.person import Kernel, Person
from tests.support.waiting import wait_for

pytestmark = pytest.mark.drill
SETTINGS = {"store": {"key_life": 60}}
PARTS = ["hub", "proxy", "store", "mlflow", "mlflow-door", "broker", "culler"]

# Writes until it is told to stop; counts what the store acknowledged. A call that fails while the
# store is away is not acknowledged, and is tried again under another name.
START_WRITING = """
import boto3, threading
from botocore.config import Config
s3 = boto3.client("s3", config=Config(retries={"max_attempts": 1}, read_timeout=5))
acknowledged, failed, stop = [], [], threading.Event()
def write():
    number = 0
    while not stop.is_set():
        key = f"drill/{label}/{number}"
        try:
            s3.put_object(Bucket="user-alice", Key=key, Body=key.encode())
            acknowledged.append(key)
        except Exception as error:
            failed.append(type(error).__name__)
            stop.wait(0.2)
        number += 1
writer = threading.Thread(target=write)
"""
COUNT = """
import json
stop.set(); writer.join()
pages = s3.get_paginator("list_objects_v2").paginate(Bucket="user-alice", Prefix=f"drill/{label}/")
listed = {item["Key"] for page in pages for item in page.get("Contents", ())}
unread = [key for key in acknowledged[-50:]
          if s3.get_object(Bucket="user-alice", Key=key)["Body"].read() != key.encode()]
print(json.dumps({"acknowledged": len(acknowledged), "missing": len(set(acknowledged) - listed),
                  "unread": len(unread), "failed": len(failed)}))
"""


@pytest.fixture(scope="module")
def alice(installation: Installation) -> Iterator[Person]:
    with installation.person("alice") as person:
        person.start_server(profile="python")
        yield person


@pytest.fixture(scope="module")
def kernel(alice: Person) -> Kernel:
    kernel = alice.server().kernel()
    kernel.run("mark = 'alive'")
    return kernel


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_comes_back(
    installation: Installation, alice: Person, kernel: Kernel, part: str
) -> None:
    kernel.run(f"label = {part!r}\n{START_WRITING}")
    kernel.run("writer.start()")
    kernel.run("import time\nwhile len(acknowledged) < 20: time.sleep(0.05)")
    installation.kill(part)
    started = time.monotonic()
    wait_for(installation.is_healthy, 60, f"recovery from the death of {part}")
    took = time.monotonic() - started
    if part == "proxy":
        wait_for(lambda: _open(kernel), 60, "the way to the kernel")
    kernel.run("seen = len(acknowledged)\nwhile len(acknowledged) < seen + 20: time.sleep(0.05)")
    counts = json.loads(kernel.run(COUNT))
    print(f"{part}: well again after {took:.1f} s, {counts}")
    assert counts["acknowledged"] >= 40
    assert counts["missing"] == counts["unread"] == 0
    if part not in ("store", "broker", "hub"):
        assert counts["failed"] == 0
    assert kernel.run("print(mark)").strip() == "alive"
    assert alice.call("GET", "users/alice").json()["servers"][""]["ready"]
    kernel.run("import mlflow; mlflow.set_experiment('drill'); mlflow.log_metric('m', 1);"
               " mlflow.end_run()")  # fmt: skip


def _open(kernel: Kernel) -> bool:
    try:
        kernel.reconnect()
    except OSError:
        return False
    return True


def kill_supervisor(installation: Installation) -> None:
    supervisor = Platform(installation.settings, ROOT / "hub_config").supervisor()
    assert supervisor is not None
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait(10)
    # Its parts go on without it.
    assert processes.find(installation.layout.instance, lambda part: part == "hub")


def test_up_begins_again_after_a_killed_supervisor(installation: Installation) -> None:
    kill_supervisor(installation)
    installation.up()
    with installation.person("alice") as alice:
        assert alice.server().http.get("/api/kernels").status_code == 200


def test_down_ends_what_a_killed_supervisor_left(installation: Installation) -> None:
    kill_supervisor(installation)
    installation.down()


def test_a_killed_up_leaves_a_platform_that_down_and_up_find(installation: Installation) -> None:
    running = subprocess.Popen(
        [str(NACELLE), "up", "--settings", str(installation.file)],
        env=plain_environment(),
        stdout=subprocess.DEVNULL,
    )
    wait_for(installation.is_up, 120, "the start")
    running.kill()
    running.wait()
    assert installation.is_healthy()
    refused = installation.run("up", "--detach")
    assert refused.returncode == 2 and " down --data " in refused.stderr
    installation.down()
    installation.up()
    assert installation.is_healthy()
