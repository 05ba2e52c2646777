"""Bucket names from the names of people, projects and services: one slug function, reversible.

The cases, each with a test of the same number in tests/storage/test_slug.py:

1. Lower-case ASCII letters and digits stay as they are.
2. Every other byte of the name's UTF-8 form becomes '-' and two lower-case hexadecimal digits;
   so `a_b`, `a-b` and `A.B@x` never share a slug.
3. `unslug` gives the very name back, and refuses a text that `slug` never makes.
4. A bucket name made here has 3 to 63 characters, no dot, and neither starts nor ends with '-':
   what every S3 store accepts.
5. A name that needs more than 63 characters is refused with a sentence, never cut: two long names
   that share a beginning would share a bucket.
6. An empty name is refused.
"""

from __future__ import annotations

import re

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_SLUG = re.compile(r"(?:[a-z0-9]|-[0-9a-f]{2})+")
_MAX_BUCKET = 63

PUBLIC_BUCKET = "public"


class SlugError(ValueError):
    """The name cannot become a bucket name, or the text is no slug; the message says why."""


def slug(name: str) -> str:
    """Write any name with lower-case letters, digits and '-' only (cases 1, 2, 6)."""
    if not name:
        raise SlugError("An empty name has no bucket; give a name of at least one character.")
    return "".join(chr(byte) if byte in _PLAIN else f"-{byte:02x}" for byte in name.encode("utf-8"))


def unslug(text: str) -> str:
    """Give back the name that `slug` turned into `text` (case 3)."""
    if not _SLUG.fullmatch(text):
        raise SlugError(f"{text!r} is not a slug: it holds other signs than 'a-z', '0-9', '-xx'.")
    parts = re.findall(r"-[0-9a-f]{2}|[a-z0-9]", text)
    data = bytes(int(part[1:], 16) if part[0] == "-" else ord(part) for part in parts)
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SlugError(f"{text!r} is not a slug: it does not decode as UTF-8.") from None
    if slug(name) != text:
        raise SlugError(f"{text!r} is not a slug: {name!r} is written {slug(name)!r}.")
    return name


def user_bucket(name: str) -> str:
    """Bucket of one person, e.g. `user-ada`."""
    return _bucket("user", name)


def project_bucket(group: str) -> str:
    """Bucket that the members of one project share, e.g. `projet-nace`."""
    return _bucket("projet", group)


def service_bucket(name: str) -> str:
    """Bucket of one service of the platform, e.g. `service-mlflow`."""
    return _bucket("service", name)


def _bucket(kind: str, name: str) -> str:
    bucket = f"{kind}-{slug(name)}"
    if len(bucket) > _MAX_BUCKET:
        raise SlugError(
            f"The name {name!r} needs a bucket name of {len(bucket)} characters and {_MAX_BUCKET}"
            " are allowed; choose a shorter one (a sign other than a-z and 0-9 counts for three or"
            " more)."
        )
    return bucket
