"""The order of a run on this machine: its environment as the catalogue has it now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nacelle.credentials.issuer import Identity
from nacelle.environments.machine import Machine
from nacelle.environments.profile import Choice, Profile
from nacelle.environments.profiles import lacking
from nacelle.environments.variables import local_addresses
from nacelle.jobs.engine.choosing import choose_environment, make_order, variables_of
from nacelle.jobs.job import Job, Run, Snapshot
from nacelle.jobs.order import Order
from nacelle.kernels import jupyter_path
from nacelle.language import Said
from nacelle.layout import Layout


class LocalOrders:
    """Orders for runners of this machine. `notebook` gives a notebook's file by its digest."""

    def __init__(
        self,
        layout: Layout,
        profiles: Callable[[], Sequence[Profile]],
        machine: Machine,
        notebook: Callable[[str], Path],
    ) -> None:
        self._layout = layout
        self._profiles = profiles
        self._machine = machine
        self._notebook = notebook

    def make(self, run: Run, snapshot: Snapshot, job: Job, person: Identity) -> Order:
        """Raises Unrunnable: this person may not, or this machine cannot, run it so."""
        profiles = self._profiles()
        choice = choose_environment(profiles, snapshot.environment, person, self._hindrance)
        users = self._layout.settings.users
        variables = variables_of(person, choice, local_addresses(self._layout), users)
        return make_order(
            run,
            snapshot,
            job,
            person,
            choice,
            notebook_file=self._notebook(snapshot.notebook.sha256),
            variables={**variables, "JUPYTER_PATH": str(jupyter_path(self._layout))},
            broker_url=self._layout.broker_url,
        )

    def _hindrance(self, choice: Choice, profile: Profile) -> Said | None:
        return lacking(choice, self._machine)
