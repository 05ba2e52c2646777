"""The bytes of a run's notebook, held against the digest by which they were promoted."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nacelle.jobs.notebook import read_notebook
from nacelle.jobs.pipelines.bundle import is_bundle, read_bundle
from nacelle.jobs.refusal import Refused
from nacelle.jobs.running.ending import Ended

# The service has checked the size when the notebook came in.
_MOST_BYTES = 2**30


def read_content(file: Path, sha256: str) -> bytes:
    """The bytes of a notebook or a pipeline. Raises Ended when they are not what was promoted."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Ended("notebook", message=error.strerror or "it is gone") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Ended("notebook", message="it is not the one that was promoted, byte for byte")
    try:
        read = read_bundle if is_bundle(content) else read_notebook
        read(content, _MOST_BYTES)
    except Refused as error:
        raise Ended("notebook", message=error.said.en) from None
    return content
