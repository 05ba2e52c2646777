"""A pipeline as one file: its YAML and its notebooks, each notebook by the SHA-256 of its bytes.

It takes the place of a notebook wherever one is kept by its digest. Canonical JSON, so that the
same files always have the same digest: sorted names, no spaces, UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from nacelle.jobs.naming import notebook_path
from nacelle.jobs.notebook import MOST_BYTES
from nacelle.jobs.refusal import Refused

_FORMAT = "nacelle-pipeline-1"
# The name of the format comes first among sorted names.
_START = f'{{"bundle":"{_FORMAT}",'.encode()


class Bundle(NamedTuple):
    """`file` is the name of the YAML file, `notebooks` bytes by their path from its folder."""

    file: str
    text: str
    notebooks: Mapping[str, bytes]


def is_bundle(content: bytes) -> bool:
    """Whether these are the bytes of a bundle, not of a notebook."""
    return content.startswith(_START)


def write_bundle(bundle: Bundle) -> bytes:
    """The bytes of a bundle. Raises Refused for a notebook that is no text."""
    digests = {
        path: hashlib.sha256(content).hexdigest() for path, content in bundle.notebooks.items()
    }
    try:
        contents = {
            digests[path]: content.decode("utf-8") for path, content in bundle.notebooks.items()
        }
    except UnicodeDecodeError:
        raise _unreadable() from None
    plain = {
        "bundle": _FORMAT,
        "contents": contents,
        "file": bundle.file,
        "notebooks": digests,
        "text": bundle.text,
    }
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def read_bundle(content: bytes, most_bytes: int = MOST_BYTES) -> Bundle:
    """Read the bytes of a bundle. Raises Refused: too large, not whole."""
    if len(content) > most_bytes:
        raise Refused(
            "notebook",
            f"The pipeline has {len(content) / 1e6:.1f} MB with its notebooks;"
            f" {most_bytes / 1e6:.0f} MB are allowed. Clear their outputs and try again.",
            f"La chaîne fait {len(content) / 1e6:.1f} Mo avec ses carnets ;"
            f" {most_bytes / 1e6:.0f} Mo sont permis. Effacez leurs sorties et réessayez.",
        )
    try:
        plain = json.loads(content.decode("utf-8"))
        contents = {digest: str.encode(text, "utf-8") for digest, text in plain["contents"].items()}
        notebooks = {str(path): contents[digest] for path, digest in plain["notebooks"].items()}
        bundle = Bundle(notebook_path(plain["file"]), str(plain["text"]), notebooks)
        whole = write_bundle(bundle) == content
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        # Another digest, a notebook that nobody names, another order: none is made by ours.
        raise _unreadable()
    return bundle


def _unreadable() -> Refused:
    return Refused(
        "notebook",
        "This pipeline is not whole. Send it by `nacelle jobs create pipeline.yaml`.",
        "Cette chaîne n'est pas entière. Envoyez-la par `nacelle jobs create pipeline.yaml`.",
    )
