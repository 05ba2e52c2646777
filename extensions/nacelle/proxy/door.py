"""One door as a supervised part: `python -m nacelle.proxy.door`.

Which one follows from JUPYTERHUB_SERVICE_NAME, as the hub or the supervisor sets it beside the
other names of a hub service.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from nacelle.layout import Layout
from nacelle.logs import log_to_stdout
from nacelle.proxy.mlflow_door import mlflow
from nacelle.proxy.passage import Behind, serve
from nacelle.settings import SettingsError, load_settings

# Hub service -> what is behind its door, and the part whose port it listens on.
DOORS: dict[str, tuple[Callable[[Layout], Behind], str]] = {"mlflow": (mlflow, "mlflow-door")}

_NEEDED = ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_CLIENT_ID")


def main() -> int:
    """Serve the door until told to stop; 2 when something it needs is missing."""
    name = os.environ.get("JUPYTERHUB_SERVICE_NAME", "")
    missing = [key for key in _NEEDED if not os.environ.get(key)]
    if name not in DOORS or missing:
        print(
            f"JUPYTERHUB_SERVICE_NAME is {name!r}, known doors are {', '.join(DOORS)};"
            f" a hub service also needs {', '.join(_NEEDED)}"
            f" (missing: {', '.join(missing) or 'none'})",
            file=sys.stderr,
        )
        return 2
    try:
        layout = Layout(load_settings())
        make, part = DOORS[name]
        behind = make(layout)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except FileNotFoundError as error:
        print(f"{error.filename} is not there yet; start the platform first", file=sys.stderr)
        return 2
    log_to_stdout(part)
    serve(behind, layout.port(part), layout.listens_on(part))
    return 0


if __name__ == "__main__":
    sys.exit(main())
