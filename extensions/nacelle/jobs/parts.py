"""What a job and a run are made of: frozen types shared by REST, store, commands and Lab."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from nacelle.jobs.addresses import webhook_url
from nacelle.jobs.cron import Cron, read_cron
from nacelle.jobs.naming import notebook_path
from nacelle.jobs.values import ValueType, conform
from nacelle.jobs.zones import zone_name
from nacelle.language import InBoth


class Frozen(BaseModel):
    """A type of this package: never changed once made, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _without_login(remote: Any) -> Any:
    """The address of a Git server without the user and token that many carry in it."""
    if not isinstance(remote, str) or "://" not in remote:
        return remote
    parts = urlsplit(remote)
    login, _, host = parts.netloc.rpartition("@")
    # With ssh the user is part of the way, with http it can be the token itself.
    user = "" if parts.scheme in ("http", "https") else login.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))


UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Word = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
Person = Annotated[str, Field(min_length=1, max_length=255)]
Package = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*$",
    ),
]
MailAddress = Annotated[
    str, Field(max_length=254, pattern=r"^[^\s@<>,;:\"\x00-\x1f]+@[A-Za-z0-9.-]+$")
]
Scalar = StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | StrictStr
Overlap = Literal["allow", "forbid", "replace"]


class Sentence(Frozen):
    """A sentence in both languages."""

    en: str
    fr: str

    @classmethod
    def of(cls, said: InBoth) -> Sentence:
        return cls(en=said.en, fr=said.fr)


class Notebook(Frozen):
    """A notebook by the SHA-256 of its bytes; the path is what people see, nothing opens it."""

    sha256: Sha256
    path: Annotated[str, AfterValidator(notebook_path)]


class Git(Frozen):
    """The commit that was checked out, and whether files differed from it."""

    commit: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
    dirty: bool
    remote: Annotated[
        Annotated[str, Field(max_length=1024)] | None, BeforeValidator(_without_login)
    ] = None


class Environment(Frozen):
    """Where a job runs: a profile with its options, a kernel, an image, frozen packages."""

    profile: Word
    kernel: Word
    options: dict[Word, Annotated[str, Field(max_length=255)]] = Field(default_factory=dict)
    image: Word | None = None
    # What the session had beyond the image, each as name==version.
    packages: Annotated[tuple[Package, ...], Field(max_length=500)] = ()


class Schedule(Frozen):
    """A cron line of five fields (nacelle.jobs.cron) and the IANA zone whose clock it follows."""

    cron: Annotated[str, AfterValidator(lambda line: read_cron(line).text)]
    zone: Annotated[str, AfterValidator(zone_name)] = "UTC"

    def read(self) -> Cron:
        return read_cron(self.cron)


class Retry(Frozen):
    """How often a run that failed is tried again, and after how long."""

    count: Annotated[int, Field(ge=0, le=10)] = 0
    backoff_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    factor: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 2.0

    def wait_after(self, attempt: int) -> float:
        """Seconds between the end of an attempt (1 is the first) and the next; a day at most."""
        return min(self.backoff_seconds * self.factor ** (attempt - 1), 86_400.0)


class Missed(Frozen):
    """What becomes of ticks that passed while the platform was down (nacelle.jobs.schedule)."""

    policy: Literal["skip", "latest", "all"] = "latest"
    # With `all`, the newest so many.
    at_most: Annotated[int, Field(ge=1, le=100)] = 10


class Notify(Frozen):
    """Whom to tell that a run ended, and of which ends."""

    when: Literal["failure", "always"] = "failure"
    mail: Annotated[tuple[MailAddress, ...], Field(max_length=10)] = ()
    webhook: Annotated[str, AfterValidator(webhook_url)] | None = None
    in_lab: bool = True


class Value(Frozen):
    """A parameter's value with its type; a secret is given by its name only."""

    type: ValueType
    value: Scalar | tuple[Scalar, ...]

    @model_validator(mode="after")
    def _fits(self) -> Value:
        if conform(self.type, self.value) != self.value:
            raise ValueError(f"a value of type {self.type} is not written so")
        return self


class Finding(Frozen):
    """Where a key or token seems to stand in a notebook; the text itself is never kept.

    Cells, outputs of a cell and lines count from 1; cells of text count too. `file` is the one of
    a pipeline's files; lines of the pipeline itself are told as of one cell.
    """

    file: Annotated[str, Field(max_length=1024)] | None = None
    cell: Annotated[int, Field(ge=1)]
    where: Literal["source", "output"]
    output: Annotated[int, Field(ge=1)] | None = None
    line: Annotated[int, Field(ge=1)]
    kind: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


class Override(Frozen):
    """Somebody took a notebook in although keys seemed to stand in it."""

    by: Person
    at: UtcTime
    found: Annotated[tuple[Finding, ...], Field(min_length=1, max_length=1000)]


class Suspension(Frozen):
    """Who suspended a job, when, and why in words; `held`, only an administrator ends it."""

    by: Person
    at: UtcTime
    why: Sentence
    held: bool = False


class Exit(Frozen):
    """How a run ended, in words (nacelle.jobs.exits makes them)."""

    code: Annotated[str, Field(pattern=r"^[a-z-]{1,40}$")]
    said: Sentence
    cell: Annotated[int, Field(ge=1)] | None = None


class Progress(Frozen):
    """Cells done, of how many; every cell counts, as papermill counts them.

    Of a pipeline the cells of all its steps; `step` of its `steps` are over, each combination of a
    matrix counted for itself.
    """

    cell: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=0)] | None = None
    steps: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _within(self) -> Progress:
        if self.cell > self.of:
            raise ValueError(f"cell {self.cell} of {self.of}: there are not so many")
        return self
