"""The environment of a run's processes: what the order says, and nothing of the platform's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from nacelle.jobs.order import Order, RunFolder
from nacelle.storage.slug import slug

# What a program needs of the machine. All else of the engine's environment stays with it: the
# service's own token stands there.
_OF_THE_MACHINE = re.compile(
    r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|USER|LOGNAME|SHELL|LD_LIBRARY_PATH|VIRTUAL_ENV"
    r"|CONDA_\w+|R_\w+|JULIA_\w+|PIP_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|(?:HTTPS?|NO|ALL|FTP)_PROXY|(?:https?|no|all|ftp)_proxy"
    r"|OMP_\w+|MKL_\w+|OPENBLAS_\w+|NACELLE_INSTANCE"
)
_PART = "run"


def kernel_environment(
    order: Order,
    folder: RunFolder,
    provider: Mapping[str, str],
    token: str,
    packages: Path | None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """All variables of the kernel. `packages` is a folder of Python packages, or None."""
    made = {
        **machine_environment(environ),
        "HOME": str(folder.home),
        "XDG_CACHE_HOME": str(folder.cache / slug(order.owner)),
        **order.variables,
        **provider,
        "MLFLOW_TRACKING_TOKEN": token,
        "NACELLE_BROKER_URL": order.broker_url,
        "NACELLE_RUN_ID": order.run.id,
        "NACELLE_PART": _PART,
        # Keys in a home would outrank the renewing ones.
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    if packages:
        made["PATH"] = os.pathsep.join((str(packages / "bin"), made.get("PATH", os.defpath)))
        paths = (str(packages), made.get("PYTHONPATH", ""))
        made["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return made


def machine_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of this process's environment a child may have."""
    return {name: value for name, value in environ.items() if _OF_THE_MACHINE.fullmatch(name)}


def make_own(environ: MutableMapping[str, str], order: Order, folder: RunFolder) -> None:
    """Leave in this process's own environment what it needs to find kernels and the store."""
    kept = {name: environ[name] for name in ("HOME", "PYTHONPATH") if name in environ}
    kept |= machine_environment(environ)
    for name in list(environ):
        del environ[name]
    environ.update(kept)
    environ["JUPYTER_RUNTIME_DIR"] = str(folder.runtime)
    if "JUPYTER_PATH" in order.variables:
        environ["JUPYTER_PATH"] = order.variables["JUPYTER_PATH"]
