"""The settings of a Nacelle installation: one frozen model, one file, one loader.

A setting is one field with a default and a help text. An unknown key stops the start and names the
nearest known one. Paths in the file are relative to the file.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from nacelle.problems import explain
from nacelle.settings.base import Frozen, Project, Seconds, http_url, unnameable
from nacelle.settings.cluster import ClusterSettings
from nacelle.settings.jobs import JobsSettings
from nacelle.settings.nace import NaceSettings
from nacelle.settings.oidc import OidcSettings
from nacelle.settings.vault import VaultSettings
from nacelle.storage.slug import SlugError, user_bucket

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class SettingsError(Exception):
    """The settings cannot be used; the message says which one, why, and what to do."""


class User(Frozen):
    """A person who may log in."""

    name: str = Field(
        description="Login name. Lower case: the hub folds names to lower case.",
    )
    projects: tuple[Project, ...] = Field(
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
    def _usable(cls, name: str) -> str:
        if name != name.lower() or "/" in name or name != name.strip():
            raise ValueError(
                f"{name!r} is not a login name:"
                " write it in lower case, without slash or spaces around it"
            )
        try:
            user_bucket(name)
        except SlugError as error:
            raise unnameable(error) from None
        return name


class HubSettings(Frozen):
    """The hub: who logs in and how."""

    authenticator: str = Field(
        default="nacelle",
        description=(
            "How people log in: 'nacelle' (passwords made at first start), 'oidc' (the office's own"
            " provider), or any authenticator that JupyterHub knows by name or class path."
        ),
    )
    authenticator_config: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Options of that authenticator, by class name then option name.",
    )
    oidc: OidcSettings = Field(
        default=OidcSettings(), description="The provider of authenticator oidc."
    )
    language: Literal["auto", "en", "fr"] = Field(
        default="auto",
        description="Language of the pages: the reader's own (auto), English or French.",
    )


class SessionSettings(Frozen):
    """The users' servers."""

    engine: Literal["local", "kubernetes"] = Field(
        default="local", description="Where sessions run: on this machine or on a cluster."
    )
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


class StoreSettings(Frozen):
    """The S3 store and its keys."""

    kind: Literal["embedded", "external"] = Field(
        default="embedded", description="The store of this platform, or one of the office."
    )
    url: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None, description="Address of an external store, as the broker reaches it."
    )
    sts_url: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None, description="Address of its STS; null: the store's own address."
    )
    exchange: Literal["web-identity", "assume-role"] = Field(
        default="web-identity",
        description=(
            "How an external store gives keys: it trusts the broker as an OpenID issuer"
            " (web-identity), or the broker assumes a role with a policy for each person, by the"
            " secrets store.access and store.secret (assume-role)."
        ),
    )
    role: str = Field(
        default="arn:aws:iam::000000000000:role/nacelle",
        description="Role that is assumed; some stores have none and want a name all the same.",
    )
    make_buckets: bool = Field(
        default=True, description="Make buckets that are missing when their keys are handed out."
    )
    ca_file: str | None = Field(
        default=None,
        description="File with an external store's certificate authority; null: a public one.",
    )
    issuer_url: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None,
        description=(
            "Address of the broker as an external store reaches it, with /services/broker; it is"
            " the name of the issuer. null: the broker's local address."
        ),
    )
    region: str = Field(default="us-east-1", description="Region name that clients sign with.")
    key_life: Annotated[int, Field(ge=30, le=43200)] = Field(
        default=3600, description="Life of a storage key in seconds; keys renew by themselves."
    )
    tls: bool = Field(
        default=False,
        description="Serve the local store under TLS with a certificate authority of its own.",
    )
    host: Literal["127.0.0.1", "0.0.0.0"] = Field(
        default="127.0.0.1",
        description=(
            "Where the local store listens: on loopback, or on every address of the machine, as"
            " pods of a cluster need it; that takes tls."
        ),
    )

    @model_validator(mode="after")
    def _has_one_address(self) -> StoreSettings:
        if (self.kind == "external") != (self.url is not None):
            raise ValueError("an external store, and no other, has its address in url")
        return self

    @model_validator(mode="after")
    def _open_under_tls_alone(self) -> StoreSettings:
        if self.host != "127.0.0.1" and not self.tls:
            raise ValueError(
                "host 0.0.0.0 sends keys and data over the network; set tls: true with it"
            )
        return self


class TrackingSettings(Frozen):
    """MLflow."""

    workers: int = Field(default=1, ge=1, description="Processes that answer MLflow's requests.")


class Settings(Frozen):
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
        description=(
            "Address that people type, when a reverse proxy stands before host and port:"
            " http(s)://host[:port], without path."
        ),
    )
    users: tuple[User, ...] = Field(
        default=(User(name="admin", admin=True, projects=("nace",)),), description="Who may log in."
    )
    hub: HubSettings = Field(default=HubSettings(), description="Login and pages.")
    sessions: SessionSettings = Field(default=SessionSettings(), description="Users' servers.")
    store: StoreSettings = Field(default=StoreSettings(), description="S3 store and keys.")
    tracking: TrackingSettings = Field(default=TrackingSettings(), description="MLflow.")
    nace: NaceSettings = Field(default=NaceSettings(), description="The classifier as a service.")
    jobs: JobsSettings = Field(default=JobsSettings(), description="Notebooks as jobs.")
    cluster: ClusterSettings = Field(
        default=ClusterSettings(), description="The cluster, for engines kubernetes."
    )
    vault: VaultSettings = Field(default=VaultSettings(), description="Secrets of people.")

    @field_validator("title")
    @classmethod
    def _has_a_title(cls, title: str) -> str:
        if not title.strip():
            raise ValueError("write a name, or leave the line out")
        return title

    @field_validator("host")
    @classmethod
    def _listens_somewhere(cls, host: str) -> str:
        if _ip(host) is None and _HOST_NAME.fullmatch(host) is None:
            raise ValueError(
                "write an address without port such as 127.0.0.1 or ::1, or leave the line out"
            )
        return host

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, url: str | None) -> str | None:
        if url is not None and not _is_origin(url):
            raise ValueError(
                "write http://host or https://host, with :port when it needs one and nothing after"
                " it: the platform cannot be served under a path"
            )
        return url

    @field_validator("users")
    @classmethod
    def _somebody(cls, users: tuple[User, ...]) -> tuple[User, ...]:
        if not users:
            raise ValueError("nobody could log in; list at least one person, or leave it out")
        return users

    @model_validator(mode="after")
    def _each_user_once(self) -> Settings:
        names = [user.name for user in self.users]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"users: {', '.join(twice)} is listed more than once; keep one entry")
        return self

    @model_validator(mode="after")
    def _people_s_namespaces_are_apart(self) -> Settings:
        """A person whose name completes it would have rights where everybody's tokens are."""
        start = f"{self.cluster.access_prefix}-"
        for name in (self.cluster.namespace, self.jobs.kubernetes.namespace):
            if name.startswith(start):
                raise ValueError(
                    f"cluster.access_prefix: {self.cluster.access_prefix!r} begins the namespace"
                    f" {name!r}, which would be that of a person; choose another"
                )
        return self

    @property
    def url(self) -> str:
        """Address that people open, with a trailing slash."""
        return self.public_url.rstrip("/") + "/" if self.public_url else self.local_url

    @property
    def local_url(self) -> str:
        """Address at which this machine reaches the platform, with a trailing slash."""
        address = _ip(self.host)
        host = self.host
        if address is not None and address.is_unspecified:
            # It means every address of this machine, and is none that can be opened.
            host = "127.0.0.1" if address.version == 4 else "::1"
        return f"http://{bracketed(host)}:{self.port}/"


def bracketed(host: str) -> str:
    """A host as addresses hold it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        parsed = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    bare = f"{parts.scheme}://{parts.netloc}"
    return parsed and "@" not in parts.netloc and url in (bare, bare + "/")


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
    return _resolve(_checked(raw, f"{file}: "), file.resolve().parent)


def change(settings: Settings, **values: Any) -> Settings:
    """`settings` with other values, as checked as those of a file. Raises SettingsError."""
    return _checked({**settings.model_dump(), **values}, "")


def _checked(raw: dict[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        lines = [where + explain(Settings, item) for item in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _resolve(settings: Settings, base: Path) -> Settings:
    return settings.model_copy(
        update={
            "data_dir": (base / settings.data_dir.expanduser()).resolve(),
            "profiles": (base / settings.profiles.expanduser()).resolve(),
        }
    )
