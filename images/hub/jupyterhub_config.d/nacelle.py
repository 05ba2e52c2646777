"""Read by the chart's configuration of the hub, in whose namespace `c` is.

The settings are a file that the chart's `hub.extraFiles` mounts; $NACELLE_SETTINGS names another.
"""

import os

from nacelle.hub.chart import configure_chart
from nacelle.settings import load_settings
from nacelle.shares import hub_config_folder

configure_chart(
    c,  # type: ignore[name-defined]  # noqa: F821
    load_settings(os.environ.get("NACELLE_SETTINGS", "/etc/nacelle/settings.yaml")),
    hub_config_folder(),
)
