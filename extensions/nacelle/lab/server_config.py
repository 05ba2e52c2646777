"""Read by a user's server (`--config`): everything is in nacelle.lab.configure."""

from nacelle.lab.configure import configure

configure(get_config())  # type: ignore[name-defined]  # noqa: F821
