"""Why the scheduler finds no machine for a pod, from its own sentence: pure.

Numbered, each with a test of its number in tests/cluster_words/test_scheduling.py; the first that
holds counts:

 1. The home's claim is gone, or what it was bound to: lost volume.
 2. The home's claim is being deleted, or another pod holds the home alone: the home is in use.
 3. The home's volume is not made yet: the volume is awaited.
 4. There are machines of the kind, all without a free GPU: no GPU free.
 5. There are machines of the kind, all too full: no room.
 6. The only machines left are where the home's volume cannot go: the volume's place.
 7. The machines are out of order for the moment: no room.
 8. No machine is of the kind, or tolerates the pod: no such machine.
 9. Anything else: no room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from nacelle.cluster.demand import GPU

Cause = Literal["volume-lost", "home-in-use", "volume-awaited", "gpu", "room", "zone", "kind"]

# "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims
# to deallocate, preemption: ..." The second half tells the same of lower priorities.
_HEAD = re.compile(r"^0/\d+ nodes are available: ?(?P<rest>.*)$", re.S)
_TAIL = re.compile(r"\.? *(?:no new claims to deallocate, *)?preemption: .*$", re.S)
_ITEM = re.compile(r"(?:^|, )(\d+) (.+?)(?=, \d+ |$)", re.S)
_LOST = re.compile(r"persistentvolumeclaim \"[^\"]+\" (?:not found|bound to non-existent)")
_IN_USE = re.compile(
    r"persistentvolumeclaim \"[^\"]+\" is being deleted|ReadWriteOncePod access mode already in-use"
)
_AWAITED = re.compile(
    r"unbound immediate PersistentVolumeClaims|didn't find available persistent volumes"
    r"|binding volumes|waiting for .* to create the persistentvolumeclaim"
)
_ZONE = re.compile(r"volume node affinity conflict|no available volume zone")
# Taints by which machines are out of order for a while.
_PASSING = re.compile(
    r"node\.kubernetes\.io/(?:not-ready|unreachable|memory-pressure|disk-pressure|pid-pressure"
    r"|network-unavailable|unschedulable)|node\.cloudprovider\.kubernetes\.io|were unschedulable"
    r"|were not ready|no nodes available"
)
_FULL = re.compile(
    r"^Insufficient |^Too many pods|max volume count|enough free storage|topology spread"
    r"|anti-affinity|free ports"
)


def read_causes(message: str) -> dict[str, int]:
    """How many machines each cause rules out, from the scheduler's sentence."""
    head = _HEAD.match(message.strip())
    rest = _TAIL.sub("", head["rest"] if head else message).strip().rstrip(".")
    found: dict[str, int] = {}
    for count, cause in _ITEM.findall(rest):
        found[cause] = found.get(cause, 0) + int(count)
    return found or ({rest: 1} if rest else {})


def cause_of(message: str) -> Cause:
    """What keeps a pod waiting, from the scheduler's sentence."""
    if _LOST.search(message):
        return "volume-lost"
    if _IN_USE.search(message):
        return "home-in-use"
    if _AWAITED.search(message):
        return "volume-awaited"
    return _of_machines(read_causes(message))


def _of_machines(causes: Mapping[str, int]) -> Cause:
    # Of a machine that lacks several things the scheduler names them all, and GPUs are scarcest.
    if any(cause.startswith("Insufficient ") and cause.endswith(GPU) for cause in causes):
        return "gpu"
    if any(_FULL.search(cause) for cause in causes):
        return "room"
    if any(_ZONE.search(cause) for cause in causes):
        return "zone"
    if any(_PASSING.search(cause) for cause in causes):
        return "room"
    return "kind" if causes else "room"
