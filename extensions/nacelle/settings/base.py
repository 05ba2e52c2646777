"""What the models of settings share."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nacelle.storage.slug import SlugError, project_bucket

Seconds = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=1)]


class Frozen(BaseModel):
    """A group of settings: never changed once read, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _project(name: str) -> str:
    try:
        project_bucket(name)
    except SlugError as error:
        raise unnameable(error) from None
    return name


def unnameable(error: SlugError) -> ValueError:
    """That a name gives no bucket, as the checks of settings say it."""
    return ValueError(str(error).rstrip("."))


def http_url(url: str) -> str:
    """`url` without a trailing slash, when it can be asked by HTTP. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("write an address such as https://host.example, without user or password")
    return url.rstrip("/")


def label(name: str) -> str:
    """`name`, when Kubernetes takes it as the name of an object. Raises ValueError."""
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) is None:
        raise ValueError("use lower-case letters, digits and hyphens, 63 at most")
    return name


def amount(size: str) -> str:
    """`size`, when Kubernetes reads it as an amount of bytes. Raises ValueError."""
    if re.fullmatch(r"[1-9]\d{0,17}([KMGTP]i?)?", size) is None:
        raise ValueError("write a size such as 10Gi")
    return size


Project = Annotated[str, AfterValidator(_project)]
