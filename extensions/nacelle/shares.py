"""Where the files that are not Python lie: in the clone, or where the wheel put them."""

from __future__ import annotations

import sys
from pathlib import Path

_CLONE = Path(__file__).resolve().parents[2]


def share(name: str) -> Path:
    """The folder `name` of the clone this package runs from, or of the installed distribution."""
    folder = _CLONE / name
    return folder if folder.is_dir() else Path(sys.prefix) / "share" / "nacelle" / name


def hub_config_folder() -> Path:
    """jupyterhub_config.py, settings.yaml, profiles.yaml and the hub's templates."""
    return share("hub_config")
