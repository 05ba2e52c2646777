"""Users' servers. `SessionMixin` holds what every kind of session shares: profiles, the check of a
choice, the environment. `LocalSession` runs them as processes of this machine.

A local session is not isolated from another: they run under one Unix user, which can read every
home and every process's environment. It is for trial and teaching among people who trust each
other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub.utils import exponential_backoff
from traitlets import Instance, Tuple, default
from traitlets.config import LoggingConfigurable

from nacelle import kernels
from nacelle.credentials.secret_wire import ASK
from nacelle.environments import variables
from nacelle.environments.machine import Machine, probe_machine
from nacelle.environments.profile import Choice
from nacelle.environments.profiles import ProfileError, check, lacking
from nacelle.hub import processes
from nacelle.hub.forms import make_cards, read_form, remembered_options
from nacelle.hub.refusals import ChoiceRefused, StartFailed
from nacelle.language import Language, Said, choose_language
from nacelle.layout import Layout
from nacelle.settings import Settings, User
from nacelle.shares import hub_config_folder
from nacelle.storage.slug import slug


class SessionMixin(LoggingConfigurable):  # type: ignore[misc]
    """Profiles, checks and environment, whatever runs the session. Comes before a Spawner class."""

    settings = Instance(Settings, help="The installation's settings.").tag(config=True)
    profiles = Tuple(help="The catalogue, as load_profiles reads it.").tag(config=True)

    # What the hub's Spawner brings.
    user: Any
    handler: Any
    orm_spawner: Any
    api_token: str

    choice: Choice | None = None
    _good_options: Mapping[str, Any] = {}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        stored = kwargs.get("user_options") or {}
        self._good_options = dict(stored)

    @property
    def layout(self) -> Layout:
        return Layout(self.settings)

    @property
    def projects(self) -> list[str]:
        return sorted(group.name for group in self.user.groups)

    @property
    def person(self) -> User:
        """This user as the settings have them, or as the office's login told."""
        listed = self.settings.hub.authenticator != "oidc"
        found = (one for one in self.settings.users if listed and one.name == self.user.name)
        told = getattr(self.user.orm_user, "user_info", None) or {}
        otherwise = User.model_construct(name=self.user.name, projects=(), mail=told.get("mail"))
        return next(found, otherwise)

    def machine(self) -> Machine:
        """What sessions can use here."""
        raise NotImplementedError

    def addresses(self) -> variables.Addresses:
        """Where a session finds the other parts."""
        raise NotImplementedError

    # The three ways in: form and link pass by options_from_form, and all by apply_user_options.

    @default("options_form")  # type: ignore[untyped-decorator]
    def _form(self) -> str:
        # The page itself shows the catalogue (spawn.html asks for `spawner.cards()`); the hub only
        # needs to know that there is a form.
        return "nacelle"

    @default("options_from_form")  # type: ignore[untyped-decorator]
    def _read(self) -> Callable[[Mapping[str, Any]], dict[str, str]]:
        return self._options_from

    @default("apply_user_options")  # type: ignore[untyped-decorator]
    def _take(self) -> Callable[[Any, Mapping[str, Any]], None]:
        return _apply

    def cards(self) -> list[dict[str, Any]]:
        """The catalogue as the spawn page shows it."""
        last = remembered_options(self.profiles, self._good_options, self.projects)
        return make_cards(self.profiles, self.projects, self.machine(), last)

    def _options_from(self, form: Mapping[str, Any]) -> dict[str, str]:
        """Checked here as well, so that a bad form is refused before anything is stored."""
        try:
            return self._check(read_form(self.profiles, form)).user_options
        except ProfileError as error:
            raise self._refused(error.said) from None

    def take(self, options: Mapping[str, Any]) -> None:
        """Set this session up as `options` say. Raises a 400 with a sentence when it cannot."""
        try:
            choice = self._check(options)
        except ProfileError as error:
            # The hub stored them before asking us; the next start must not fall over them again.
            self.orm_spawner.user_options = dict(self._good_options)
            raise self._refused(error.said) from None
        self.choice = choice
        self._good_options = choice.user_options
        self.orm_spawner.user_options = choice.user_options
        self.set_trait("cpu_guarantee", choice.cpu.guarantee)
        self.set_trait("cpu_limit", choice.cpu.limit)
        self.set_trait("mem_guarantee", choice.memory.guarantee)
        self.set_trait("mem_limit", choice.memory.limit)

    def _check(self, options: Mapping[str, Any]) -> Choice:
        choice = check(self.profiles, options, self.projects)
        reason = lacking(choice, self.machine())
        if reason:
            raise ProfileError(
                f"The environment {choice.profile!r} cannot start here as chosen. {reason.en}",
                f"L'environnement « {choice.profile} » ne peut pas démarrer ici tel quel."
                f" {reason.fr}",
            )
        return choice

    def _refused(self, said: Said) -> Exception:
        return ChoiceRefused(said, self.language)

    @property
    def language(self) -> Language:
        """The language of whoever asks for this session."""
        request = getattr(self.handler, "request", None)
        accepted = request.headers.get("Accept-Language") if request else None
        return choose_language(accepted, self.settings.hub.language)

    def session_environment(self) -> dict[str, str]:
        """The platform's variables for this session."""
        assert self.choice is not None, "a session starts after its choice is taken"
        made = variables.make_environment(
            self.person, self.projects, self.choice, self.addresses(), self.api_token
        )
        # Several reports before it would count as idle.
        seconds = max(2, min(300, self.settings.sessions.idle_timeout // 4))
        secrets = {ASK: "1"} if self.settings.vault.url else {}
        return {**made, **secrets, "JUPYTERHUB_ACTIVITY_INTERVAL": str(seconds)}

    @property
    def title(self) -> Any:
        """Title of the environment that runs, in both languages; None when it is not known."""
        name = self._good_options.get("profile", self.profiles[0].name)
        return next((one.title for one in self.profiles if one.name == name), None)

    @property
    def failure(self) -> Any:
        """Why the last start failed, to be shown; None when it did not."""
        future = getattr(self, "_spawn_future", None)
        if not (getattr(self, "_failed", False) and future):
            return None
        return getattr(future.exception(), "jupyterhub_message", self._slow())

    def _slow(self) -> Said:
        seconds = self.settings.sessions.start_timeout
        return Said(
            f"The session did not answer within {seconds} seconds. Try again in a few minutes.",
            f"La session n'a pas répondu en {seconds} secondes. Réessayez dans quelques minutes.",
        )


def _apply(spawner: SessionMixin, options: Mapping[str, Any]) -> None:
    spawner.take(options)


class LocalSession(SessionMixin, SimpleLocalProcessSpawner):  # type: ignore[misc]
    """A session as a process of this machine. It outlives the hub; the next hub finds it again."""

    _born: int | None = None

    def machine(self) -> Machine:
        return probe_machine()

    def addresses(self) -> variables.Addresses:
        return variables.local_addresses(self.layout)

    @property
    def home(self) -> Path:
        return self.layout.homes / slug(self.user.name)

    @property
    def log_file(self) -> Path:
        return self.layout.logs / "sessions" / f"{slug(self.user.name)}.log"

    @default("cmd")  # type: ignore[untyped-decorator]
    def _command(self) -> list[str]:
        return [str(Path(sys.prefix) / "bin" / "jupyterhub-singleuser")]

    @default("home_dir")  # type: ignore[untyped-decorator]
    def _home_dir(self) -> str:
        return str(self.home)

    def make_preexec_fn(self, name: str) -> None:
        """Nothing runs between fork and exec: folder and umask are given to Popen."""
        return

    def get_args(self) -> list[str]:
        """The server reads the platform's own configuration before the user's."""
        config = Path(__file__).parents[1] / "lab" / "server_config.py"
        ours = [f"--config={config}"] if config.exists() else []
        # In a container the only user is often root, and the server refuses root unless told.
        ours += ["--allow-root"] if os.geteuid() == 0 else []
        return [*ours, *super().get_args()]

    def get_env(self) -> dict[str, str]:
        """What the hub gives, what the platform adds, and this environment's programs first."""
        env: dict[str, str] = super().get_env()
        programs = str(Path(sys.prefix) / "bin")
        path = os.pathsep.join([programs, env.get("PATH", os.defpath)])
        return {
            **env,
            **self.session_environment(),
            "PATH": path,
            "JUPYTER_PATH": str(kernels.jupyter_path(self.layout)),
            # Lab's own defaults of this platform; a user's settings are over them.
            "JUPYTER_CONFIG_PATH": str(hub_config_folder() / "jupyter"),
            "NACELLE_INSTANCE": self.layout.instance,
        }

    async def start(self) -> tuple[str, int]:
        """Start the process; return when it listens, fail as soon as it dies."""
        self.layout.homes.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home.mkdir(exist_ok=True, mode=0o700)
        processes.open_log(self.log_file)
        with self.log_file.open("ab") as log:
            self.popen_kwargs = {
                "cwd": str(self.home),
                "umask": 0o077,
                "stdin": subprocess.DEVNULL,
                "stdout": log,
                "stderr": subprocess.STDOUT,
            }
            address: tuple[str, int] = await super().start()
        self._born = processes.born(self.pid)
        try:
            await exponential_backoff(
                self._listens_or_died,
                f"the session of {self.user.name} does not listen",
                start_wait=0.05,
                scale_factor=1,
                # Before the hub gives up with words of its own.
                timeout=self.start_timeout * 0.95,
            )
        except TimeoutError:
            raise StartFailed(self._slow(), self.language, "slow", 504) from None
        if await self.poll() is not None:
            raise self._died()
        return address

    async def _listens_or_died(self) -> bool:
        return (await self.poll()) is not None or processes.listens(self.port)

    def _died(self) -> Exception:
        end = processes.last_lines(self.log_file)
        said = Said(
            "The session stopped while it started. Its last lines:\n" + end,
            "La session s'est arrêtée pendant son démarrage. Ses dernières lignes :\n" + end,
        )
        return StartFailed(said, self.language, "died", 500)

    async def poll(self) -> int | None:
        """None while the process runs. A pid that now names another process does not count."""
        processes.bound_log(self.log_file)
        if self.proc is None and self.pid and self._born and processes.born(self.pid) != self._born:
            self.clear_state()
            return 0
        status: int | None = await super().poll()
        return status

    async def _signal(self, sig: int) -> bool:
        if self._born and processes.born(self.pid) != self._born:
            return False
        sent: bool = await super()._signal(sig)
        return sent

    async def stop(self, now: bool = False) -> None:
        """SIGTERM lets the server shut its kernels down; SIGINT would have it ask a question."""
        await super().stop(now=True)

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        return {**state, "born": self._born} if self.pid else state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._born = state.get("born")

    def clear_state(self) -> None:
        super().clear_state()
        self._born = None

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Events for the pending page; their texts are keys of the two languages."""
        yield {"progress": 10, "message": "Preparing your home folder."}
        await self._until(lambda: self.pid > 0)
        yield {"progress": 40, "message": "The session is starting."}
        await self._until(lambda: not self.pid or processes.listens(self.port))
        yield {"progress": 80, "message": "The session answers; opening the door to it."}

    async def _until(self, reached: Callable[[], bool]) -> None:
        await exponential_backoff(
            reached, "no progress", start_wait=0.1, scale_factor=1, timeout=self.start_timeout
        )
