"""Names and labels of what the platform makes on a cluster for people."""

from __future__ import annotations

import hashlib

from nacelle.storage.slug import slug

MANAGED = {"app.kubernetes.io/managed-by": "nacelle"}
# The label by which network policies find the pods of sessions; kubespawner sets it.
SESSION = {"component": "singleuser-server"}
_LONGEST = 40


def slug_of(user: str) -> str:
    """A part of names of objects of `user`, of 40 characters at most; no two users share one.

    A long name is cut and gets a hash after two hyphens, which a slug never has side by side.
    """
    whole = slug(user)
    if len(whole) <= _LONGEST:
        return whole
    number = hashlib.sha256(user.encode()).hexdigest()[:12]
    return f"{whole[: _LONGEST - 14].rstrip('-')}--{number}"
