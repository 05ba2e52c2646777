"""What a person may choose from when they make a job."""

from __future__ import annotations

from nacelle.credentials.identity import Person
from nacelle.environments.profile import Profile
from nacelle.environments.profiles import allowed
from nacelle.jobs.parts import Frozen, Sentence
from nacelle.jobs.service.making import Rules
from nacelle.jobs.store import Store
from nacelle.kernels import NAMES


class ChoiceView(Frozen):
    """One value of an option."""

    title: Sentence


class OptionView(Frozen):
    """Something to choose within an environment."""

    title: Sentence
    default: str
    choices: dict[str, ChoiceView]


class ProfileView(Frozen):
    """An environment that one may choose; kernels are those that work here."""

    name: str
    title: Sentence
    description: Sentence
    kernels: tuple[str, ...]
    options: dict[str, OptionView]


class Count(Frozen):
    """A limit, and how much of it is used."""

    limit: int
    used: int


class LimitsView(Frozen):
    """What one may ask for."""

    active_jobs: Count
    runs_at_once: int
    shortest_interval_seconds: int
    notebook_bytes: int
    timeout_seconds: int


class Me(Frozen):
    """Who asks, what they may choose, and whether mail can be sent."""

    name: str
    admin: bool
    projects: tuple[str, ...]
    profiles: tuple[ProfileView, ...]
    limits: LimitsView
    mail: bool


def me_view(person: Person, rules: Rules, store: Store) -> Me:
    """What `person` may choose from."""
    limits = rules.settings.limits
    return Me(
        name=person.name,
        admin=person.admin,
        projects=person.projects,
        profiles=tuple(
            _profile(one, rules) for one in rules.profiles if allowed(one, person.projects)
        ),
        limits=LimitsView(
            active_jobs=Count(limit=limits.active_jobs, used=store.count_active(person.name)),
            runs_at_once=limits.runs_at_once_each,
            shortest_interval_seconds=limits.shortest_interval,
            notebook_bytes=limits.notebook_bytes,
            timeout_seconds=limits.longest_run,
        ),
        mail=rules.settings.mail.host is not None,
    )


def _profile(profile: Profile, rules: Rules) -> ProfileView:
    here = [one for one in profile.kernels if one in rules.machine.kernels]
    return ProfileView(
        name=profile.name,
        title=Sentence.of(profile.title),
        description=Sentence.of(profile.description),
        kernels=tuple(NAMES[one] for one in here),
        options={
            key: OptionView(
                title=Sentence.of(option.title),
                default=option.first,
                choices={
                    name: ChoiceView(title=Sentence.of(choice.title))
                    for name, choice in option.choices.items()
                },
            )
            for key, option in profile.options.items()
        },
    )
