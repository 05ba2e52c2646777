"""What may stand in the names and texts that people give to a job."""

from __future__ import annotations

import re
import unicodedata

from nacelle.jobs.refusal import Refused

LONGEST_NAME = 80
LONGEST_PATH = 1024
_SECRET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*")


def job_name(name: str) -> str:
    """A job's name in composed form (NFC): 1 to 80 characters that show, no path. Or Refused."""
    name = unicodedata.normalize("NFC", name)
    if not name or name != name.strip() or len(name) > LONGEST_NAME:
        raise Refused(
            "name",
            f"A job's name has 1 to {LONGEST_NAME} characters and no space at its ends;"
            f" this one has {len(name)}.",
            f"Le nom d'un travail a de 1 à {LONGEST_NAME} caractères, sans espace aux"
            f" extrémités ; celui-ci en a {len(name)}.",
        )
    _refuse_hidden("name", name)
    if "/" in name or "\\" in name or ".." in name or name == ".":
        raise Refused(
            "name",
            f"A job's name is no path: write {name!r} without '/', '\\' and '..'.",
            f"Le nom d'un travail n'est pas un chemin : écrivez {name!r} sans « / », « \\ » ni"
            " « .. ».",
        )
    return name


def notebook_path(path: str) -> str:
    """Where a notebook came from, to be shown only; nothing is ever opened by it. Or Refused."""
    if not path or len(path) > LONGEST_PATH:
        raise Refused(
            "notebook.path",
            f"A notebook's path has 1 to {LONGEST_PATH} characters; this one has {len(path)}.",
            f"Le chemin d'un carnet a de 1 à {LONGEST_PATH} caractères ; celui-ci en a"
            f" {len(path)}.",
        )
    _refuse_hidden("notebook.path", path)
    return path


def secret_name(name: str) -> str:
    """The name under which a secret is kept, such as API_KEY or team/api-key. Or Refused.

    The text is not repeated in the refusal: it may be the secret itself.
    """
    if len(name) > LONGEST_NAME or ".." in name or not _SECRET_NAME.fullmatch(name):
        raise Refused(
            "secret",
            "Write the name under which the secret is kept, such as API_KEY, never the secret"
            " itself: letters, digits, '_', '-', '.', with '/' between parts.",
            "Écrivez le nom sous lequel le secret est gardé, comme API_KEY, jamais le secret"
            " lui-même : lettres, chiffres, « _ », « - », « . », avec « / » entre les parties.",
        )
    return name


def _refuse_hidden(field: str, text: str) -> None:
    # The category C holds control and direction signs, Zl and Zp break lines: none can be seen.
    hidden = [
        sign for sign in text if unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029"
    ]
    if hidden:
        raise Refused(
            field,
            f"A sign that does not show (U+{ord(hidden[0]):04X}) stands in it; type it anew"
            " without.",
            f"Un signe qui ne se voit pas (U+{ord(hidden[0]):04X}) s'y trouve ; retapez le texte"
            " sans lui.",
        )
