"""The notebooks that people brought, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from nacelle.credentials.identity import Person
from nacelle.jobs.job import Job
from nacelle.jobs.manifest import Part
from nacelle.jobs.parameters import Form
from nacelle.jobs.parts import Notebook
from nacelle.jobs.pipelines.spreading import first_of, read_spread
from nacelle.jobs.refusal import Refused
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.service.examining import Examined, Examiner
from nacelle.jobs.service.problems import Problem
from nacelle.jobs.store import Store


@dataclass(frozen=True)
class Library:
    """Takes notebooks in, and looks them up. A person may use only what they brought."""

    store: Store
    examiner: Examiner

    def examined(self, notebook: Notebook) -> Examined:
        """What is known of a notebook that the store has."""
        known = self.examiner.known(notebook.sha256)
        return known or self.examiner.examine(
            self.store.notebook_path(notebook.sha256).read_bytes()
        )

    def form_of(self, notebook: Notebook) -> Form | None:
        """The form of a job's notebook; None where it cannot be made now: the job is shown so."""
        try:
            return self.examined(notebook).form
        except (Refused, OSError):
            return None

    def part_of(self, job: Job) -> Part:
        """What its Job on a cluster would run first; all of it, where that cannot be told."""
        try:
            content = self.store.notebook_path(job.notebook.sha256).read_bytes()
            understood = read_spread(content)
            if understood is not None:
                first = first_of(understood.pipeline, job.snapshot)
                return Part(0, first.items, first.alone)
        except (Refused, OSError, Ended):
            return Part()
        return Part()

    def bring(self, person: Person, content: bytes) -> Examined:
        """Take a notebook in, whatever stands in it: it is looked at when a job is made of it."""
        try:
            found = self.examiner.examine(content)
            self.store.keep_notebook(person.name, content)
        except Refused as error:
            raise Problem.of(error) from None
        return found

    def of(self, person: Person, notebook: Notebook) -> Examined:
        """What is known of a notebook that somebody brought. Raises Problem for one of others."""
        if not self.store.notebook_of(notebook.sha256, person.name):
            raise Problem.of(
                Refused(
                    "notebook.sha256",
                    "You have not sent this notebook: send it first, then name the digest that is"
                    " answered.",
                    "Vous n'avez pas envoyé ce carnet : envoyez-le d'abord, puis donnez"
                    " l'empreinte reçue en réponse.",
                )
            )
        return self.examined(notebook)
