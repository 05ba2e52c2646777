"""From what somebody asks for to a checked Job. Pure: no store, no clock, no network.

All that is wrong is told at once, field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from nacelle.credentials.identity import Person
from nacelle.environments.machine import Machine
from nacelle.environments.profile import Choice, Profile
from nacelle.environments.profiles import ProfileError, check, lacking
from nacelle.jobs import findings, parameters
from nacelle.jobs.job import Snapshot
from nacelle.jobs.naming import job_name
from nacelle.jobs.parts import Environment, Git, Notebook, Notify, Override, Schedule, Value
from nacelle.jobs.refusal import Refused
from nacelle.jobs.schedule import shortest_interval
from nacelle.jobs.service.examining import Examined
from nacelle.jobs.service.problems import FieldProblem, Problem, both, of_pydantic
from nacelle.kernels import NAMES
from nacelle.language import Said
from nacelle.settings.jobs import JobsSettings

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """What this platform allows: its environments, the machine they run on, its limits."""

    profiles: Sequence[Profile]
    machine: Machine
    settings: JobsSettings


class Checks:
    """Runs checks, and collects what they refuse."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def run(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, None where it refuses."""
        try:
            return work()
        except Refused as error:
            self.problems.append(FieldProblem(error.field, error.said))
        except ValidationError as error:
            self.problems += of_pydantic(error.errors())
        except ProfileError as error:
            self.problems.append(FieldProblem("environment", error.said))
        except parameters.ParametersRefused as error:
            self.problems += [
                FieldProblem(f"parameters.{name}", said) for name, said in error.problems.items()
            ]
        return None

    def end(self) -> None:
        """Raise Problem if anything was refused."""
        if self.problems:
            raise Problem.of_fields(self.problems)


def check_terms(
    checks: Checks, rules: Rules, job: Mapping[str, Any], person: Person, now: datetime
) -> None:
    """Check what a job says beside its notebook: `job` holds some of the fields of a Job."""
    if (name := job.get("name")) is not None:
        checks.run(lambda: job_name(name))
    if (project := job.get("project")) is not None:
        checks.run(lambda: _in_project(project, person))
    if (schedule := job.get("schedule")) is not None:
        checks.run(lambda: _not_too_often(schedule, rules, now))
    if (seconds := job.get("timeout_seconds")) is not None:
        checks.run(lambda: _not_too_long(seconds, rules))
    if (notify := job.get("notify")) is not None:
        checks.run(lambda: _can_mail(notify, rules))


def make_snapshot(
    checks: Checks,
    rules: Rules,
    person: Person,
    notebook: Notebook,
    examined: Examined,
    given: Given,
    environment: Environment,
    timeout_seconds: int,
    git: Git | None,
) -> Snapshot | None:
    """The checked work of a job; None, and problems in `checks`, where it cannot be done."""
    values = checks.run(lambda: typed_values(given, examined))
    chosen = checks.run(lambda: check_environment(rules, person, environment))
    if values is None or chosen is None:
        return None
    return Snapshot(
        notebook=notebook,
        git=git,
        parameters=values,
        environment=chosen,
        timeout_seconds=timeout_seconds,
    )


def typed_values(given: Given, examined: Examined) -> dict[str, Value]:
    """Values typed by the notebook's form. Raises ParametersRefused."""
    values = parameters.check(given, examined.form)
    if keys := findings.look_in_values(values):
        raise parameters.ParametersRefused(
            {
                name: Said(
                    f"The parameter {name} seems to hold {findings.KINDS[kind].en}; give secrets"
                    " by name only.",
                    f"Le paramètre {name} semble contenir {findings.KINDS[kind].fr} ; ne donnez"
                    " les secrets que par leur nom.",
                )
                for name, kind in keys.items()
            }
        )
    return values


def check_environment(rules: Rules, person: Person, wanted: Environment) -> Environment:
    """The environment with its options in their normal form. Raises ProfileError or Refused."""
    choice = check(
        rules.profiles, {"profile": wanted.profile, **wanted.options}, set(person.projects)
    )
    if reason := lacking(choice, rules.machine):
        raise ProfileError(reason.en, reason.fr)
    kernels = [NAMES[one] for one in choice.kernels]
    if wanted.kernel not in kernels:
        raise Refused(
            "environment.kernel",
            f"The environment {choice.profile!r} has no kernel {wanted.kernel!r}; it has"
            f" {', '.join(kernels)}.",
            f"L'environnement « {choice.profile} » n'a pas de noyau « {wanted.kernel} » ; il a"
            f" {', '.join(kernels)}.",
        )
    image = _image(choice, rules.machine)
    if wanted.image not in (None, image):
        raise Refused(
            "environment.image",
            "The image comes from the environment and its options; choose it there.",
            "L'image vient de l'environnement et de ses options ; choisissez-la là.",
        )
    return wanted.model_copy(update={"options": dict(choice.options), "image": image})


def check_findings(
    examined: Examined, notebook: Notebook, person: Person, override: bool, now: datetime
) -> Override | None:
    """Refuse a notebook that seems to hold keys, or record who takes it all the same.

    Raises Problem (409) with the places.
    """
    if not examined.findings:
        return None
    if override:
        return Override(by=person.name, at=now, found=examined.findings[:1000])
    where = [findings.where(one) for one in examined.findings]
    said = Said(
        f"Keys or tokens seem to stand in {notebook.path}: {' '.join(one.en for one in where[:5])}"
        " Remove them and clear the outputs, or promote it all the same; that is recorded.",
        f"Des clés ou jetons semblent se trouver dans {notebook.path} :"
        f" {' '.join(one.fr for one in where[:5])} Retirez-les et effacez les sorties, ou"
        " promouvez-le quand même ; cela est noté.",
    )
    found = [
        one.model_dump(mode="json") | {"said": both(said)}
        for one, said in zip(examined.findings, where, strict=True)
    ]
    raise Problem(409, said, kind="keys-found", more={"findings": found})


def _image(choice: Choice, machine: Machine) -> str | None:
    return choice.image if machine.containers else None


def _in_project(project: str, person: Person) -> None:
    if project not in person.projects:
        yours = ", ".join(person.projects)
        raise Refused(
            "project",
            f"You are not a member of a project {project!r}"
            + (f"; yours are {yours}." if yours else ", nor of any other."),
            f"Vous n'êtes pas membre d'un projet « {project} »"
            + (f" ; les vôtres sont {yours}." if yours else ", ni d'aucun autre."),
        )


def _not_too_often(schedule: Schedule, rules: Rules, now: datetime) -> None:
    shortest = shortest_interval(schedule, now).total_seconds()
    limit = rules.settings.limits.shortest_interval
    if shortest < limit:
        raise Refused(
            "schedule.cron",
            f"This schedule runs again after {_minutes(shortest)} min; {_minutes(limit)} min is the"
            " shortest here. Choose fewer times, or ask an administrator.",
            f"Ce calendrier relance au bout de {_minutes(shortest)} min ; le plus court ici est"
            f" {_minutes(limit)} min. Choisissez moins d'heures, ou demandez à un administrateur.",
        )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g}"


def _not_too_long(seconds: int, rules: Rules) -> None:
    limit = rules.settings.limits.longest_run
    if seconds > limit:
        raise Refused(
            "timeout_seconds",
            f"A run may take {limit} seconds at most here; write no more than that.",
            f"Une exécution peut durer {limit} secondes au plus ici ; n'écrivez pas davantage.",
        )


def _can_mail(notify: Notify, rules: Rules) -> None:
    if notify.mail and rules.settings.mail.host is None:
        raise Refused(
            "notify.mail",
            "This platform sends no mail: an administrator has not named a mail server. Take a"
            " message in Lab, or a webhook.",
            "Cette plateforme n'envoie pas de courriel : aucun serveur n'est réglé. Prenez un"
            " message dans Lab, ou un webhook.",
        )
