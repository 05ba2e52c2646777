"""Who may do what on which bucket: pure functions over an identity and a bucket name.

1. `user-<slug>` belongs to the user of that name alone; administrators get no exception.
2. `projet-<slug>` belongs to the members of that project, and to a service that the broker signs
   into it.
3. `service-<slug>` belongs to the service of that name alone.
4. `public` is read by everyone who has keys and changed by administrators only.
5. Any other name belongs to nobody: neither read, nor written, nor created.

A bucket's companions (parts of multipart uploads, old versions) follow the bucket's own rule.
Access lists that clients set on buckets or objects change nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from nacelle.storage.embedded.keys import Identity
from nacelle.storage.slug import (
    PUBLIC_BUCKET,
    SlugError,
    project_bucket,
    service_bucket,
    user_bucket,
)

_READS = frozenset({"GET", "HEAD"})
_SEGMENTS = "+segments"
# Swift's reserved name of the container that keeps a bucket's old versions.
_VERSIONS = "\x00versions\x00"


def base_bucket(container: str) -> str:
    """The bucket that a Swift container belongs to: itself, or the one it is a companion of."""
    return container.removeprefix(_VERSIONS).removesuffix(_SEGMENTS)


def own_buckets(identity: Identity) -> tuple[str, ...]:
    """Buckets that this identity may read and change, by name; they need not exist yet."""
    wanted: list[tuple[Callable[[str], str], str]] = []
    if identity.kind == "user":
        wanted.append((user_bucket, identity.name))
    elif identity.kind == "service":
        wanted.append((service_bucket, identity.name))
    if wanted:
        wanted += [(project_bucket, group) for group in identity.projects]
    names = [name for make, source in wanted if (name := _nameable(make, source)) is not None]
    if identity.admin:
        names.append(PUBLIC_BUCKET)
    return tuple(dict.fromkeys(names))


def readable_buckets(identity: Identity) -> tuple[str, ...]:
    """Buckets that a listing shows to this identity, sorted by name, when they exist."""
    return tuple(sorted({*own_buckets(identity), PUBLIC_BUCKET}))


def refusal(identity: Identity, method: str, container: str) -> str | None:
    """None when `identity` may use `method` on the container or an object in it, or why not."""
    bucket = base_bucket(container)
    own = own_buckets(identity)
    if bucket in own:
        return None
    if bucket == PUBLIC_BUCKET:
        if method in _READS:
            return None
        return "The bucket 'public' is read by everyone and changed by administrators only."
    owned = ", ".join(own) or "none"
    return f"The bucket '{bucket}' is not yours; you may use {owned}, and read 'public'."


def _nameable(make: Callable[[str], str], source: str) -> str | None:
    try:
        return make(source)
    except SlugError:
        return None
