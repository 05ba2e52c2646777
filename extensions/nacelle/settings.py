"""The settings of a Nacelle installation: one frozen model, one file, one loader.

A setting is one field with a default and a help text. An unknown key stops the start and names the
nearest known one. Paths in the file are relative to the file.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

Seconds = Annotated[int, Field(ge=1)]


class SettingsError(Exception):
    """The settings cannot be used; the message says which one, why, and what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class User(_Frozen):
    """A person who may log in."""

    name: str = Field(
        min_length=1,
        max_length=64,
        description="Login name. Lower case: the hub folds names to lower case.",
    )
    projects: tuple[str, ...] = Field(
        default=(),
        description="Groups this person belongs to; each has a bucket projet-<group>.",
    )
    admin: bool = Field(
        default=False, description="May administer the hub and write to the public bucket."
    )

    mail: str | None = Field(
        default=None, description="E-mail address that this person's Git commits carry."
    )

    @field_validator("name")
    @classmethod
    def _lower_case(cls, name: str) -> str:
        if name != name.lower() or "/" in name or name != name.strip():
            raise ValueError(
                f"{name!r} is not a login name:"
                " write it in lower case, without slash or spaces around it"
            )
        return name


class HubSettings(_Frozen):
    """The hub: who logs in and how."""

    authenticator: str = Field(
        default="nacelle",
        description=(
            "How people log in: 'nacelle' (passwords made at first start), or any authenticator"
            " that JupyterHub knows by name or class path."
        ),
    )
    authenticator_config: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Options of that authenticator, by class name then option name.",
    )
    language: Literal["auto", "en", "fr"] = Field(
        default="auto",
        description="Language of the pages: the reader's own (auto), English or French.",
    )


class SessionSettings(_Frozen):
    """The users' servers."""

    idle_timeout: Seconds = Field(
        default=3600, description="A server idle for this many seconds is stopped."
    )
    max_age: int = Field(
        default=0,
        ge=0,
        description="A server older than this many seconds is stopped, busy or not; 0: never.",
    )
    start_timeout: Seconds = Field(
        default=120, description="A server that does not answer after this many seconds has failed."
    )
    active_limit: int = Field(
        default=0, ge=0, description="How many servers may run at once; 0 means no limit."
    )
    start_limit: int = Field(
        default=20, ge=1, description="How many servers may be starting at once."
    )


class StoreSettings(_Frozen):
    """The S3 store and its keys."""

    region: str = Field(default="us-east-1", description="Region name that clients sign with.")
    key_life: Annotated[int, Field(ge=30, le=43200)] = Field(
        default=3600, description="Life of a storage key in seconds; keys renew by themselves."
    )
    tls: bool = Field(
        default=False,
        description="Serve the local store under TLS with a certificate authority of its own.",
    )


class TrackingSettings(_Frozen):
    """MLflow."""

    workers: int = Field(default=1, ge=1, description="Processes that answer MLflow's requests.")


class Settings(_Frozen):
    """Everything that an administrator may choose."""

    title: str = Field(default="Nacelle", description="Name of this platform on its pages.")
    data_dir: Path = Field(
        default=Path("~/.local/share/nacelle"),
        description="Folder of everything that must survive: homes, buckets, runs, users, logs.",
    )
    profiles: Path = Field(
        default=Path("profiles.yaml"), description="Catalogue of environments (profiles.yaml)."
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address the platform listens on; loopback unless you say otherwise.",
    )
    port: int = Field(
        default=8000,
        ge=1024,
        le=65000,
        description="Port of the platform. Its parts take the ten ports after it, on loopback.",
    )
    public_url: str | None = Field(
        default=None,
        description="Address that people type, when a reverse proxy stands before host and port.",
    )
    users: tuple[User, ...] = Field(
        default=(User(name="admin", admin=True),), description="Who may log in."
    )
    hub: HubSettings = Field(default=HubSettings(), description="Login and pages.")
    sessions: SessionSettings = Field(default=SessionSettings(), description="Users' servers.")
    store: StoreSettings = Field(default=StoreSettings(), description="S3 store and keys.")
    tracking: TrackingSettings = Field(default=TrackingSettings(), description="MLflow.")

    @model_validator(mode="after")
    def _each_user_once(self) -> Settings:
        names = [user.name for user in self.users]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"users: {', '.join(twice)} is listed more than once; keep one entry")
        return self

    @property
    def url(self) -> str:
        """Address that people open, with a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/") + "/"


def load_settings(path: str | os.PathLike[str] | None = None) -> Settings:
    """Read settings from `path`, from $NACELLE_SETTINGS, or use the defaults.

    Raises SettingsError with one line a problem when the file cannot be read or does not hold.
    """
    chosen = path or os.environ.get("NACELLE_SETTINGS")
    if chosen is None:
        return _resolve(Settings(), Path.cwd())
    file = Path(chosen).expanduser()
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SettingsError(
            f"{file}: cannot be read ({error.strerror}); give a file that can"
        ) from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: not readable as YAML: {error}") from None
    if not isinstance(raw, dict):
        raise SettingsError(f"{file}: expected 'name: value' lines, found a {type(raw).__name__}")
    try:
        return _resolve(Settings.model_validate(raw), file.resolve().parent)
    except ValidationError as error:
        lines = [explain(Settings, item) for item in error.errors()]
        raise SettingsError("\n".join(f"{file}: {line}" for line in lines)) from None


def _resolve(settings: Settings, base: Path) -> Settings:
    return settings.model_copy(
        update={
            "data_dir": (base / settings.data_dir.expanduser()).resolve(),
            "profiles": (base / settings.profiles.expanduser()).resolve(),
        }
    )


def explain(model: type[BaseModel], problem: Any) -> str:
    """Say one pydantic problem as a sentence: field, value, what to do."""
    location = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        return f"{location} is not a setting; {advice}"
    message: str = problem["msg"].removeprefix("Value error, ")
    if not location:
        return message
    return f"{location}: {message[0].lower()}{message[1:]} (found {problem['input']!r})"


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    current: type[BaseModel] = model
    for part in location:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(str(part))
        inner = _model_of(field.annotation) if field else None
        if inner is None:
            return []
        current = inner
    return list(current.model_fields)


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_of(part)
        if found is not None:
            return found
    return None
