"""What a pod asks of the cluster, and why it does not get it: types that the others share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nacelle.language import Said

# An object of the API, as JSON has it.
Object = Mapping[str, Any]

# What the API calls GPUs differs from maker to maker; each ends like this.
GPU = "/gpu"


@dataclass(frozen=True)
class Demand:
    """What a session asks for: cores, bytes, GPUs, and which machines may take it."""

    cpu_guarantee: Decimal
    cpu_limit: Decimal
    memory_guarantee: Decimal
    memory_limit: Decimal
    gpus: int = 0
    gpu_resource: str = "nvidia.com/gpu"
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Reason:
    """Why a session does not start, or has ended, and what to do about it.

    `code` is for logs and metrics, `status` the HTTP status that an answer with it has. `detail` is
    the cluster's own sentence, for the log: people read `said`, or `brief` beside what they may
    choose.
    """

    code: str
    said: Said
    status: int = 503
    detail: str = ""
    brief: Said | None = None


def one_line(text: object, longest: int = 300) -> str:
    """A text of the cluster, safe to stand in a line of a log or a sentence."""
    line = " ".join(str(text).split())
    line = "".join(sign for sign in line if sign.isprintable())
    return line if len(line) <= longest else line[: longest - 1] + "…"
