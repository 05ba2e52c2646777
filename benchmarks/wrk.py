"""Debian's wrk as the load: JSON bodies in turn, requests per second and the 99th percentile."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# wrk's own interface (SCRIPTING in its sources): `request` makes each, `done` sees the summary.
_SCRIPT = """
local bodies = {}
for line in io.lines("%(bodies)s") do bodies[#bodies + 1] = line end
wrk.method = "POST"
%(headers)s
local next_body = 0
function request()
  next_body = next_body %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[next_body])
end
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\\nJSON {"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "failed": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, failed))
end
"""


@dataclass(frozen=True)
class Load:
    """What a load saw: requests a second, milliseconds, requests that failed."""

    rate: float
    p50: float
    p99: float
    failed: int


def load(
    url: str,
    bodies: Sequence[str],
    folder: Path,
    *,
    connections: int,
    seconds: int,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Send the bodies over so many connections for so long, from one thread."""
    kept = folder / "bodies"
    kept.write_text("\n".join(bodies) + "\n", encoding="utf-8")
    every = {"Content-Type": "application/json", **(headers or {})}
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in every.items())
    script = folder / "load.lua"
    script.write_text(_SCRIPT % {"bodies": kept, "headers": lines}, encoding="utf-8")
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script, url],
        capture_output=True,
        text=True,
        check=True,
    )
    said = next(line for line in done.stdout.splitlines() if line.startswith("JSON "))
    seen = json.loads(said.removeprefix("JSON "))
    return Load(seen["requests"] / seen["seconds"], seen["p50"], seen["p99"], seen["failed"])
