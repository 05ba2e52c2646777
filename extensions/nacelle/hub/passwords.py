"""Local passwords: made at first start, kept as argon2 hashes, changed by their owners.

`passwords.json` holds the hashes. `passwords.txt` holds the initial passwords in clear, one line a
person, until that person changes theirs. Both are readable by the platform's Unix user alone.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nacelle.language import Said
from nacelle.layout import Layout
from nacelle.secrets import write_private
from nacelle.settings import Settings

MIN_LENGTH = 10
MAX_LENGTH = 256
_HASHER = PasswordHasher()
_CONSONANTS, _VOWELS = "bcdfghjkmnprstvz", "aeiou"


class PasswordError(Exception):
    """A password that cannot be taken; the message is for the person who chose it."""

    def __init__(self, en: str, fr: str) -> None:
        super().__init__(en)
        self.said = Said(en, fr)


def make_password() -> str:
    """A password that can be read aloud: five groups of two syllables, 63 bits of randomness."""
    groups = (
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2))
        for _ in range(5)
    )
    return "-".join(groups)


def ensure_passwords(layout: Layout, settings: Settings) -> list[str]:
    """Make a password for each user of `settings` who has none; return the names of those.

    Passwords of people who left the settings are forgotten.
    """
    names = [user.name for user in settings.users]
    with _locked(layout):
        hashes, clear = _read_hashes(layout), _read_clear(layout)
        new = [name for name in names if name not in hashes]
        kept = {name: hashes[name] for name in names if name in hashes}
        shown = {name: clear[name] for name in names if name in clear}
        for name in new:
            shown[name] = make_password()
            kept[name] = _HASHER.hash(shown[name])
        if kept != hashes or shown != clear:
            # The clear file first: after a crash in between, both are made again.
            _write_clear(layout, shown)
            _write_hashes(layout, kept)
    return new


def set_password(layout: Layout, name: str, password: str) -> None:
    """Give `name` a new password. Raises PasswordError when it is too weak."""
    check_strength(name, password)
    hashed = _HASHER.hash(password)
    with _locked(layout):
        _write_hashes(layout, {**_read_hashes(layout), name: hashed})
        clear = _read_clear(layout)
        if clear.pop(name, None) is not None:
            _write_clear(layout, clear)


def check_strength(name: str, password: str) -> None:
    """Raises PasswordError for a password that is too short, too long or is the name."""
    if len(password) < MIN_LENGTH:
        raise PasswordError(
            f"Choose at least {MIN_LENGTH} characters; several words are easy to remember.",
            f"Choisissez au moins {MIN_LENGTH} caractères ; plusieurs mots se retiennent bien.",
        )
    if len(password) > MAX_LENGTH:
        raise PasswordError(
            f"Choose at most {MAX_LENGTH} characters.",
            f"Choisissez au plus {MAX_LENGTH} caractères.",
        )
    if name in password.lower() and len(password) < MIN_LENGTH + len(name):
        raise PasswordError(
            "Choose a password that is not built on your name.",
            "Choisissez un mot de passe qui ne repose pas sur votre nom.",
        )


def verify_password(layout: Layout, name: str, password: str) -> bool:
    """Whether `password` is `name`'s. Takes as long for a person who does not exist."""
    known = _read_hashes(layout).get(name)
    if len(password) > MAX_LENGTH:
        password, known = "", None
    try:
        _HASHER.verify(known or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


_DECOY: list[str] = []


def _decoy() -> str:
    """A hash that no password opens, made with the same cost as the real ones."""
    if not _DECOY:
        _DECOY.append(_HASHER.hash(secrets.token_hex(32)))
    return _DECOY[0]


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    """The hub and the command line may write at the same time."""
    layout.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = layout.secrets / ".passwords.lock"
    path.touch(mode=0o600)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hashes_file(layout: Layout) -> Path:
    return layout.secrets / "passwords.json"


def _clear_file(layout: Layout) -> Path:
    return layout.secrets / "passwords.txt"


def _read_hashes(layout: Layout) -> dict[str, str]:
    try:
        read: dict[str, str] = json.loads(_hashes_file(layout).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return read


def _write_hashes(layout: Layout, hashes: Mapping[str, str]) -> None:
    write_private(_hashes_file(layout), json.dumps(dict(hashes), indent=1) + "\n")


def _read_clear(layout: Layout) -> dict[str, str]:
    try:
        lines = _clear_file(layout).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    # The password is the last word: a name may hold spaces.
    return dict(line.rsplit(" ", 1) for line in lines if " " in line)


def _write_clear(layout: Layout, clear: Mapping[str, str]) -> None:
    write_private(_clear_file(layout), "".join(f"{name} {word}\n" for name, word in clear.items()))
