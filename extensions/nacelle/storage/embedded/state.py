"""What the store keeps on disk around the objects: folders, configuration, rings, hash prefix."""

from __future__ import annotations

import secrets
from pathlib import Path

from nacelle.layout import Layout
from nacelle.secrets import write_private
from nacelle.storage.embedded import conf

_PART_POWER = 8


def plan_of(layout: Layout) -> conf.Plan:
    """Derive the plan from an installation; makes the state folder and the hash prefix."""
    state = layout.folder("store")
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return conf.Plan(
        state=state,
        key_file=layout.secrets / "store.key",
        region=layout.settings.store.region,
        issuer=layout.broker_url,
        key_life=layout.settings.store.key_life,
        hash_prefix=_hash_prefix(state),
    )


def prepare(plan: conf.Plan) -> None:
    """Write folders and configuration. The rings depend on `swift.conf` being in force."""
    for folder in (plan.etc, plan.devices / conf.DEVICE, plan.recon, plan.state / "run"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in conf.conf_files(plan).items():
        write_private(plan.etc / name, text)


def write_rings(plan: conf.Plan) -> None:
    """One device, one copy of everything: the smallest rings that Swift accepts."""
    from swift.common.ring import RingBuilder

    for server in conf.SERVERS:
        builder = RingBuilder(_PART_POWER, replicas=1, min_part_hours=0)
        builder.add_dev(
            {
                "id": 0,
                "region": 1,
                "zone": 1,
                "weight": 1.0,
                "ip": conf.RING_IP,
                "port": conf.RING_PORTS[server],
                "device": conf.DEVICE,
            }
        )
        builder.rebalance(seed=server)
        builder.get_ring().save(str(plan.etc / f"{server}.ring.gz"))


def _hash_prefix(state: Path) -> str:
    """Part of the path of every object: made once, and lost only with the objects themselves."""
    file = state / "hash-prefix"
    if not file.exists():
        write_private(file, secrets.token_hex(16))
    return file.read_text(encoding="utf-8").strip()
