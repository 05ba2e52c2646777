"""An environment that people may start (contract 1): its type, and that of a checked choice."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from nacelle.kernels import NAMES
from nacelle.settings.base import label

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def parse_bytes(value: Any) -> Any:
    """'512M' or '2G' (powers of 1024, as JupyterHub reads them) as a number of bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)", value.strip())
    if match is None:
        raise ValueError("write an amount of memory such as 512M or 2G")
    return int(float(match[1]) * _UNITS[match[2]])


def _check_word(word: str) -> str:
    # With a leading hyphen it would be read as an option of git.
    if re.fullmatch(r"[^-\s]\S*", word) is None:
        raise ValueError("write one word that does not start with a hyphen")
    return word


Name = Annotated[str, AfterValidator(label)]
Word = Annotated[str, AfterValidator(_check_word)]
Bytes = Annotated[int, BeforeValidator(parse_bytes), Field(ge=1)]
Cores = Annotated[float, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Frozen):
    """A text in both languages; one string alone stands for both."""

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _one_for_both(cls, value: Any) -> Any:
        return {"en": value, "fr": value} if isinstance(value, str) else value


class _Share(_Frozen):
    @model_validator(mode="after")
    def _ordered(self) -> _Share:
        if self.guarantee > self.limit:  # type: ignore[attr-defined]
            raise ValueError("the guarantee is above the limit: lower it or raise the limit")
        return self


class Cpu(_Share):
    """Cores."""

    guarantee: Cores
    limit: Cores


class Memory(_Share):
    """Bytes."""

    guarantee: Bytes
    limit: Bytes


class OptionChoice(_Frozen):
    """One value of an option; what it sets replaces the profile's."""

    title: Text
    image: str | None = None
    cpu: Cpu | None = None
    memory: Memory | None = None
    gpu: Annotated[int, Field(ge=0)] | None = None
    env: dict[str, str] = Field(default_factory=dict)
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()


class FreeImage(_Frozen):
    """An image typed by the person, allowed when `pattern` matches all of it."""

    title: Text
    pattern: str
    hint: Text

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return pattern


class Option(_Frozen):
    """Something to choose within a profile, e.g. its size."""

    title: Text
    choices: dict[Name, OptionChoice] = Field(min_length=1)
    default: str = ""
    other: FreeImage | None = None

    @model_validator(mode="after")
    def _default_is_a_choice(self) -> Option:
        if self.default and self.default not in self.choices:
            known = ", ".join(self.choices)
            raise ValueError(f"default {self.default!r} is not a choice; write one of {known}")
        return self

    @property
    def first(self) -> str:
        """The choice taken when none is made."""
        return self.default or next(iter(self.choices))


class Init(_Frozen):
    """What a session does when it starts: fetch a Git repository, then run a script in the home."""

    git: Word | None = None
    branch: Word | None = None
    script: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Init:
        if not (self.git or self.script):
            raise ValueError("name a Git repository (git) or a script, or leave init out")
        if self.branch and not self.git:
            raise ValueError("branch belongs to a Git repository; name it with git")
        return self


class Profile(_Frozen):
    """An environment that people may start."""

    name: Name
    title: Text
    description: Text
    image: str
    kernels: tuple[str, ...] = Field(min_length=1)
    cpu: Cpu
    memory: Memory
    gpu: int = Field(default=0, ge=0)
    options: dict[Name, Option] = Field(default_factory=dict)
    groups: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    static_keys: bool = False
    # Rights in a namespace of the person's own, on a cluster; none unless it says so.
    cluster_access: Literal["view", "edit"] | None = None
    # For images whose programs write outside of the home and /tmp.
    writable_root: bool = False
    init: Init | None = None

    @field_validator("kernels")
    @classmethod
    def _known(cls, kernels: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(kernels) - set(NAMES))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not a kernel; known are {', '.join(NAMES)}")
        return kernels


class Choice(_Frozen):
    """A checked choice: what to start, and the options as the hub stores them."""

    profile: str
    options: dict[str, str]
    image: str
    # The person chose another image than the profile's: only containers can serve that.
    other_image: bool
    kernels: tuple[str, ...]
    cpu: Cpu
    memory: Memory
    gpu: int
    env: dict[str, str]
    node_selector: dict[str, str]
    tolerations: tuple[dict[str, Any], ...]
    static_keys: bool
    cluster_access: Literal["view", "edit"] | None
    writable_root: bool
    init: Init | None

    @property
    def user_options(self) -> dict[str, str]:
        """The normal form that KubeSpawner and the hub's database share."""
        return {"profile": self.profile, **self.options}
