"""What the models of settings share."""

from __future__ import annotations

from typing import Annotated

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


Project = Annotated[str, AfterValidator(_project)]
