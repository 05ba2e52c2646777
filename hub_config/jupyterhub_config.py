"""JupyterHub reads this file; everything is decided in settings.yaml and nacelle.hub.configure."""

from pathlib import Path

from nacelle.hub.configure import configure
from nacelle.settings import load_settings

configure(c, load_settings(), Path(__file__).parent)  # type: ignore[name-defined]  # noqa: F821
