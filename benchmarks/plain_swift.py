"""Swift as it comes: its own four programs on TCP, its own auth (tempauth), on the same disk.

Its configuration is that of our store, less what is ours: keys, policy, STS, access log, and the
one process. Swift wants a memcached beside it; ours keeps the same facts in the proxy's memory, and
so may this one, or it would ask for account and bucket at each request.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import httpx

from benchmarks.running import answers, running
from nacelle.secrets import write_private
from nacelle.storage.embedded import conf
from tests.support.installation import plain_environment
from tests.support.waiting import free_base, wait_for

ACCESS_KEY = "bench:bench"
SECRET_KEY = "bench"
PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth"
    " copy slo dlo versioned_writes symlink proxy-server"
)
FILTERS = {
    "healthcheck": {"use": "egg:swift#healthcheck"},
    "tempauth": {"use": "egg:swift#tempauth", "user_bench_bench": f"{SECRET_KEY} .admin"},
}
OURS = ("filter:accesslog", "filter:auth", "filter:front", "filter:health", "filter:sts")
PATIENCE = 60.0


@dataclass(frozen=True)
class Ports:
    """Four ports in a row: proxy, account, container, object."""

    base: int

    def of(self, server: str) -> int:
        return self.base + ("proxy", *conf.SERVERS).index(server)


@contextmanager
def plain_swift(folder: Path, region: str) -> Iterator[str]:
    """Run it with everything in `folder`; gives its address."""
    ports = Ports(free_base())
    plan = conf.Plan(folder, folder / "none", region, "", 3600, "bench")
    for made in (plan.etc, plan.devices / conf.DEVICE, plan.recon):
        made.mkdir(parents=True)
    for name, text in make_conf_files(plan, ports).items():
        write_private(plan.etc / name, text)
    _write_rings(plan, ports)
    url = f"http://127.0.0.1:{ports.of('proxy')}"
    with ExitStack() as servers, httpx.Client(trust_env=False) as client:
        for server in (*conf.SERVERS, "proxy"):
            program = Path(sys.executable).with_name(f"swift-{server}-server")
            command = [str(program), str(plan.etc / f"{server}-server.conf")]
            log = folder / f"{server}.log"
            servers.enter_context(running(command, log, plain_environment(), folder))
        wait_for(lambda: answers(client, f"{url}/healthcheck"), PATIENCE, "plain Swift")
        yield url


def make_conf_files(plan: conf.Plan, ports: Ports) -> dict[str, str]:
    """The configuration of our store, less ours."""
    made = {"swift.conf": conf.swift_conf(plan)}
    for server in ("proxy", *conf.SERVERS):
        text = conf.proxy_conf(plan) if server == "proxy" else conf.server_conf(plan, server)
        parsed = RawConfigParser(default_section="")
        parsed.read_string(text)
        # 0: one process a program, in the foreground.
        parsed["DEFAULT"].update({"bind_port": str(ports.of(server)), "workers": "0"})
        if server == "proxy":
            _make_plain(parsed)
        written = StringIO()
        parsed.write(written)
        made[f"{server}-server.conf"] = written.getvalue()
    return made


def _make_plain(proxy: RawConfigParser) -> None:
    for section in OURS:
        proxy.remove_section(section)
    proxy["pipeline:main"]["pipeline"] = PIPELINE
    proxy.read_dict({f"filter:{name}": options for name, options in FILTERS.items()})


def _write_rings(plan: conf.Plan, ports: Ports) -> None:
    from swift.common.ring import RingBuilder

    for server in conf.SERVERS:
        builder = RingBuilder(8, replicas=1, min_part_hours=0)
        device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": conf.DEVICE}
        builder.add_dev(device | {"ip": conf.RING_IP, "port": ports.of(server)})
        builder.rebalance(seed=server)
        builder.get_ring().save(str(plan.etc / f"{server}.ring.gz"))
