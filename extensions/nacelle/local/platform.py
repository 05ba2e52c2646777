"""Start, watch and stop the platform on one machine. supervisord keeps its parts alive."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from nacelle.authorities import with_those_trusted_here
from nacelle.hub.passwords import ensure_passwords
from nacelle.hub.proxy import write_traefik_files
from nacelle.kernels import link_kernels
from nacelle.layout import Layout
from nacelle.local import processes, supervised
from nacelle.local.checks import CannotStart, require, unwritable
from nacelle.local.parts import Part, make_parts, make_supervisor_conf
from nacelle.secrets import SERVICES, ensure_secrets, read_secret, write_private
from nacelle.settings import Settings
from nacelle.storage.embedded.tls import ensure_tls

START_PATIENCE = 180
# sockaddr_un holds 108 bytes.
SOCKET_LENGTH = 100
LOCK = ".lock"
# The part that launches runs.
ENGINE = "jobs-engine"


@dataclass(frozen=True)
class Health:
    """What one part says of itself now."""

    part: Part
    running: bool
    healthy: bool


class Platform:
    """One installation on this machine, running or not."""

    def __init__(self, settings: Settings, hub_config: Path) -> None:
        self.layout = Layout(settings)
        self._hub_config = hub_config

    @property
    def _frozen(self) -> Path:
        """The settings that the running parts were started with."""
        return self.layout.run / "settings.json"

    @property
    def _socket(self) -> Path:
        path = self.layout.run / "supervisor.sock"
        if len(str(path)) <= SOCKET_LENGTH:
            return path
        # A private folder of a short name, the same at each call.
        folder = Path(tempfile.gettempdir()) / f"nacelle-{os.getuid()}-{self.layout.instance}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise CannotStart(f"{folder} belongs to somebody else; remove it or set TMPDIR")
        return folder / "supervisor.sock"

    def command(self, word: str) -> str:
        """`nacelle WORD` for this installation, as it can be typed in any folder."""
        program = Path(sys.executable).with_name("nacelle")
        return shlex.join([str(program), word, "--data", str(self.layout.data)])

    def parts(self) -> tuple[Part, ...]:
        tokens = {name: read_secret(self.layout, f"service.{name}.token") for name in SERVICES}
        return make_parts(self.layout, self._hub_config, tokens)

    def supervisor(self) -> psutil.Process | None:
        """The running supervisor of this installation, if there is one."""
        try:
            pid = int((self.layout.run / "supervisor.pid").read_text())
        except (OSError, ValueError):
            return None
        found = processes.identify(pid, self.layout.instance)
        return found if found and processes.part_of(found) == "supervisor" else None

    def start(self) -> psutil.Process:
        """Start all parts and return their supervisor. Raises CannotStart; leaves nothing behind.

        What a killed supervisor left running is ended first; users' servers go on.
        """
        with self._removed_if_refused(), self._one_at_a_time():
            if self.supervisor() is not None:
                raise CannotStart(
                    f"this installation is running; see it with: {self.command('status')}\n"
                    f"or stop it with: {self.command('down')}"
                )
            processes.end(
                processes.find(
                    self.layout.instance,
                    lambda part: part not in (processes.SESSION, processes.RUN),
                )
            )
            require(self.layout)
            self._write_files()
            return self._spawn_supervisor()

    def _write_files(self) -> None:
        layout = self.layout
        for folder in (
            layout.run,
            layout.logs,
            layout.homes,
            *map(layout.folder, ("hub", "proxy")),
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ensure_secrets(layout)
        link_kernels(layout)
        # Before anything tells sessions which authorities to trust.
        ensure_authorities(layout)
        ensure_passwords(layout, layout.settings)
        write_private(self._frozen, layout.settings.model_dump_json(indent=1))
        write_traefik_files(layout.settings)
        conf = make_supervisor_conf(layout, self.parts(), self._socket)
        write_private(layout.run / "supervisor.conf", conf)

    def _spawn_supervisor(self) -> psutil.Process:
        command = [sys.executable, "-m", "supervisor.supervisord"]
        command += ["-c", str(self.layout.run / "supervisor.conf")]
        # A start from a terminal of a session must not hand that session's tokens to the parts.
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JUPYTER", "MLFLOW_", "AWS_", "NACELLE_"))
        }
        environment = {
            **clean,
            processes.INSTANCE: self.layout.instance,
            processes.PART: "supervisor",
            "NACELLE_SETTINGS": str(self._frozen),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with (self.layout.logs / "supervisor.out").open("wb") as output:
            child = subprocess.Popen(
                command,
                env=environment,
                cwd=self.layout.run,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return psutil.Process(child.pid)

    def wait(
        self,
        supervisor: psutil.Process,
        report: Callable[[list[Health]], None] = lambda healths: None,
        patience: float = START_PATIENCE,
    ) -> None:
        """Wait until every part answers. Raises CannotStart with the last words of the others."""
        deadline = time.monotonic() + patience
        while True:
            healths = self.health()
            report(healths)
            late = [health.part for health in healths if not health.healthy]
            if not late:
                return
            if not is_alive(supervisor):
                raise CannotStart("the supervisor ended: " + self._last_words("supervisor.out"))
            if time.monotonic() > deadline:
                raise CannotStart(
                    "\n".join(
                        f"{part.title} does not answer after {patience:.0f} s:"
                        f" {self._last_words(part.name + '.log')}"
                        for part in late
                    )
                )
            time.sleep(0.2)

    def health(self) -> list[Health]:
        """Ask each part whether it works."""
        running = {processes.part_of(process) for process in self._part_processes()}
        own = self.layout.ca_file
        verify = ssl.create_default_context(cafile=own) if own.exists() else True
        with httpx.Client(timeout=2, trust_env=False, verify=verify) as client:
            return [
                Health(
                    part,
                    part.name in running,
                    part.name in running and (part.health is None or _answers(client, part.health)),
                )
                for part in self.parts()
            ]

    def _part_processes(self) -> list[psutil.Process]:
        supervisor = self.supervisor()
        try:
            return supervisor.children() if supervisor else []
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> int:
        """Stop everything of this installation, users' servers too. Returns how many processes."""
        if not self.layout.data.exists():
            # A wrong name, or a folder removed under a running platform: make none to lock in.
            return processes.end(processes.find(self.layout.instance))
        with self._one_at_a_time():
            everything = processes.find(self.layout.instance)
            supervisor = self.supervisor()
            # Nothing more is launched: what waits is launched after the next start.
            self._end_part(ENGINE)
            # Then the runs of jobs: what they have goes to the store while it is there.
            processes.end(
                processes.find(self.layout.instance, lambda part: part == processes.RUN),
                patience=20,
            )
            sessions = [p for p in everything if processes.part_of(p) == processes.SESSION]
            # The supervisor stops its parts in order, each with its own patience.
            processes.end([*sessions, *([supervisor] if supervisor else [])], patience=40)
            processes.end(processes.find(self.layout.instance))
            self._frozen.unlink(missing_ok=True)
            return len(everything)

    def _end_part(self, name: str) -> None:
        """End a part, and have the supervisor start it no more."""
        if self.supervisor() is not None:
            supervised.stop(self._socket, name)
        # Left behind by a supervisor that was killed, or does not answer.
        processes.end(processes.find(self.layout.instance, lambda part: part == name))

    def _last_words(self, log: str) -> str:
        path = self.layout.logs / log
        text = path.read_text(errors="replace").strip() if path.exists() else ""
        return (text.splitlines() or ["it said nothing"])[-1] + f" (more in {path})"

    @contextmanager
    def _removed_if_refused(self) -> Iterator[None]:
        """A refused first start leaves no folder behind: the name may have been mistyped."""
        fresh = not self.layout.data.exists()
        try:
            yield
        except CannotStart:
            if fresh and {path.name for path in self.layout.data.glob("*")} <= {LOCK}:
                shutil.rmtree(self.layout.data, ignore_errors=True)
            raise

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        try:
            self.layout.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.layout.data / LOCK).open("w")
        except OSError as error:
            raise CannotStart(unwritable(self.layout.data, error)) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CannotStart(
                    "another command starts or stops this installation; wait"
                ) from None
            yield


def ensure_authorities(layout: Layout) -> None:
    """Have the file of `layout.store_authorities`. Raises CannotStart."""
    store = layout.settings.store
    if store.tls:
        ensure_tls(layout)
    elif store.ca_file:
        layout.ca_bundle.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            own = Path(store.ca_file).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise CannotStart(f"store.ca_file: {store.ca_file} cannot be read ({error})") from None
        write_private(layout.ca_bundle, with_those_trusted_here(own))


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a child of ours that ended is reaped and counts as ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.HTTPError:
        return False
