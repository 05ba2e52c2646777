"""Tell the person, in their home, that the home is a new one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAME = "NACELLE_HOME_WAS_LOST"
NOTE = "home-was-lost.txt"
_WORDS = """\
Your home volume was gone from the cluster when this session started, and a new, empty one was made.
Your files in buckets are untouched. Ask an administrator whether the old volume can be had back.

Votre volume personnel avait disparu du cluster au démarrage de cette session ; un nouveau, vide, a
été créé. Vos fichiers dans les buckets sont intacts. Demandez à un administrateur si l'ancien
volume peut être récupéré.
"""


def tell_lost_home(environ: Mapping[str, str], home: Path) -> None:
    """Leave a note when the hub says that the home was lost; the person removes it."""
    if environ.get(NAME):
        (home / NOTE).write_text(_WORDS, encoding="utf-8")
