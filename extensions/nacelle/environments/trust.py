"""How pods come to trust the platform's own store: its authority goes with them as a variable.

A certificate is no secret. Clients want one file with all authorities, for a session also speaks to
the world: the pod writes it, before its first call, from those of its image and this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nacelle.authorities import with_those_trusted_here
from nacelle.layout import Layout
from nacelle.settings import Settings

VARIABLE = "NACELLE_STORE_AUTHORITY"
# /tmp is a pod's own.
BUNDLE = "/tmp/nacelle-authorities.pem"


def own_authority(settings: Settings) -> str | None:
    """The certificate of the authority under which the embedded store serves pods; None when there
    is none, or when the images have it (`cluster.ca_bundle`)."""
    file = Layout(settings).ca_file
    store = settings.store
    wanted = store.kind == "embedded" and store.tls and settings.cluster.ca_bundle is None
    return file.read_text(encoding="ascii") if wanted and file.exists() else None


def write_bundle(environ: Mapping[str, str]) -> None:
    """Write the file that AWS_CA_BUNDLE names, where a pod's variables bring an authority."""
    own = environ.get(VARIABLE)
    if not own:
        return
    both = with_those_trusted_here(own)
    Path(environ["AWS_CA_BUNDLE"]).write_text(both, encoding="utf-8")
