"""The events of a session's pod while it starts, in words: pure.

Messages are those of Kubernetes 1.32 to 1.36, its cluster autoscaler, and Karpenter. Numbered, each
with a test of its number in tests/cluster_words/test_events.py:

 1. Scheduled: a machine is found.
 2. FailedScheduling: why none is, as nacelle.cluster.scheduling reads it.
 3. TriggeredScaleUp, Nominated (Karpenter): a machine is being started. After it, the scheduler's
    complaints of full machines are not told any more.
 4. NotTriggerScaleUp: no machine is added: at its most, or none would do.
 5. SuccessfulAttachVolume: the home is attached; FailedAttachVolume: another machine still holds
    it, or it does not come; FailedMount: it cannot be opened yet.
 6. Pulling, Pulled: the image; one that was there already is not told.
 7. Failed and BackOff while pulling: no such image, not allowed, or the registry does not answer.
 8. Created, Started: the container.
 9. BackOff while restarting: it ends as soon as it starts.
10. FailedCreatePodSandBox, NetworkNotReady: the machine's network is not ready.
11. Unhealthy: it does not answer yet.
12. Evicted, Preempted, Killing: it is being taken away.
13. TaintManagerEviction, NodeNotReady: its machine does not answer.
14. Whatever is not known is not told. The same sentence twice in a row is told once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nacelle.cluster.demand import Object, one_line
from nacelle.cluster.pods import trouble_of_pull
from nacelle.cluster.scheduling import Cause, cause_of
from nacelle.language import Said


@dataclass(frozen=True)
class Told:
    """What an event means: how far the start is (0 to 100) and a sentence."""

    progress: int
    said: Said


WAITING: dict[Cause, Said] = {
    "volume-lost": Said(
        "The volume of your home folder is missing. Give up and start again: it is made anew.",
        "Le volume de votre dossier personnel manque. Abandonnez et démarrez à nouveau : il sera"
        " recréé.",
    ),
    "home-in-use": Said(
        "Waiting: your home folder is still in use by a session that ends.",
        "En attente : votre dossier personnel est encore pris par une session qui se termine.",
    ),
    "volume-awaited": Said(
        "Waiting for the volume of your home folder to be made.",
        "En attente de la création du volume de votre dossier personnel.",
    ),
    "gpu": Said(
        "Waiting: no GPU is free now. You can wait for one, or give up and choose an environment"
        " without.",
        "En attente : aucun GPU n'est libre. Vous pouvez attendre, ou abandonner et choisir un"
        " environnement sans GPU.",
    ),
    "room": Said(
        "Waiting: no machine has room for this size now. You can wait, or give up and choose a"
        " smaller one.",
        "En attente : aucune machine n'a de place pour cette taille. Vous pouvez attendre, ou"
        " abandonner et choisir plus petit.",
    ),
    "zone": Said(
        "Waiting: your home folder is in a part of the cluster where no machine is free now.",
        "En attente : votre dossier personnel est dans une partie du cluster où aucune machine"
        " n'est libre.",
    ),
    "kind": Said(
        "Waiting: the cluster has no machine of the kind that this environment needs. Give up and"
        " choose another, or ask an administrator.",
        "En attente : le cluster n'a pas de machine du genre qu'il faut à cet environnement."
        " Abandonnez et choisissez-en un autre, ou demandez à un administrateur.",
    ),
}
_PULL: dict[str, Said] = {
    "absent": Said(
        "The image {image} does not exist. Give up and choose another.",
        "L'image {image} n'existe pas. Abandonnez et choisissez-en une autre.",
    ),
    "refused": Said(
        "The image {image} does not exist, or this platform may not fetch it. Give up and choose"
        " another.",
        "L'image {image} n'existe pas, ou cette plateforme n'a pas le droit de la prendre."
        " Abandonnez et choisissez-en une autre.",
    ),
    "slow": Said(
        "The image {image} could not be fetched yet; it is tried again.",
        "L'image {image} n'a pas encore pu être obtenue ; un nouvel essai suit.",
    ),
}
_PLAIN: dict[str, Told] = {
    "Scheduled": Told(30, Said("A machine is found.", "Une machine est trouvée.")),
    "TriggeredScaleUp": Told(
        20,
        Said(
            "A machine is being started for you. This takes some minutes.",
            "Une machine démarre pour vous. Cela prend quelques minutes.",
        ),
    ),
    "SuccessfulAttachVolume": Told(
        40, Said("Your home folder is attached.", "Votre dossier personnel est rattaché.")
    ),
    "Pulled": Told(70, Said("The image is here.", "L'image est là.")),
    "Created": Told(75, Said("The session is made.", "La session est créée.")),
    "Started": Told(80, Said("The session is starting.", "La session démarre.")),
    "Unhealthy": Told(
        85, Said("The session does not answer yet.", "La session ne répond pas encore.")
    ),
    "Preempted": Told(
        0,
        Said(
            "More urgent work took the machine. The session must be started again.",
            "Un travail plus urgent a pris la machine. Il faudra redémarrer la session.",
        ),
    ),
    "Evicted": Told(
        0,
        Said(
            "The machine ran short of memory or disk and gave the session up.",
            "La machine a manqué de mémoire ou de disque et a abandonné la session.",
        ),
    ),
    "Killing": Told(0, Said("The session is being ended.", "La session est en cours d'arrêt.")),
    "NodeNotReady": Told(
        0,
        Said(
            "The machine of the session does not answer.",
            "La machine de la session ne répond pas.",
        ),
    ),
    "FailedCreatePodSandBox": Told(
        45,
        Said(
            "Waiting for the network of the machine.",
            "En attente du réseau de la machine.",
        ),
    ),
}
_SAME = {
    "TaintManagerEviction": "NodeNotReady",
    "NetworkNotReady": "FailedCreatePodSandBox",
}
_IMAGE = re.compile(r"image (?:tag |name )?\"([^\"]+)\"")


class Teller:
    """Tells each event once, as they come. An event that is seen again may say something else."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._last = ""
        self._growing = False

    def tell(self, events: Iterable[Object]) -> list[Told]:
        """What is new in `events`, oldest first."""
        told = []
        for event in events:
            key = (str((event.get("metadata") or {}).get("uid")), str(event.get("message")))
            if key in self._seen:
                continue
            self._seen.add(key)
            one = tell(event)
            if one is None or one.said == self._last or (self._growing and one.said.en in _FULL):
                continue
            self._growing = self._growing or one is _PLAIN["TriggeredScaleUp"]
            self._last = one.said
            told.append(one)
        return told


_FULL = {WAITING[cause].en for cause in ("gpu", "room", "kind")}


def tell(event: Object) -> Told | None:
    """What one event means; None when it is not for the person who waits."""
    reason, message = str(event.get("reason", "")), str(event.get("message", ""))
    if reason == "FailedScheduling":
        return Told(15, WAITING[cause_of(message)])
    if reason == "Nominated":
        # Karpenter names the machine that it makes, the scheduler never sends this.
        return _PLAIN["TriggeredScaleUp"]
    if reason == "NotTriggerScaleUp":
        return _not_growing(message)
    if reason in ("FailedAttachVolume", "FailedMount"):
        return _volume(reason, message)
    if reason == "Pulling":
        return _pulling(message)
    if reason == "Pulled":
        return None if "already present" in message else _PLAIN[reason]
    if reason in ("Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"):
        return _failed(reason, message)
    return _PLAIN.get(_SAME.get(reason, reason))


def _not_growing(message: str) -> Told:
    if re.search(r"max node group size reached|max cluster .* limit|in backoff", message):
        said = Said(
            "The cluster cannot add a machine now. You can wait until one is free, or give up.",
            "Le cluster ne peut pas ajouter de machine. Vous pouvez attendre qu'une se libère, ou"
            " abandonner.",
        )
    else:
        said = Said(
            "No machine that the cluster could add would do for this.",
            "Aucune machine que le cluster pourrait ajouter ne conviendrait.",
        )
    return Told(15, said)


def _volume(reason: str, message: str) -> Told:
    if "Multi-Attach" in message:
        said = Said(
            "Waiting: your home folder is still attached to the machine of an earlier session. This"
            " can take some minutes.",
            "En attente : votre dossier personnel est encore rattaché à la machine d'une session"
            " précédente. Cela peut prendre quelques minutes.",
        )
    elif reason == "FailedAttachVolume":
        said = Said(
            "Your home folder could not be attached yet; it is tried again.",
            "Votre dossier personnel n'a pas encore pu être rattaché ; un nouvel essai suit.",
        )
    else:
        said = Said(
            "Your home folder could not be opened yet; it is tried again.",
            "Votre dossier personnel n'a pas encore pu être ouvert ; un nouvel essai suit.",
        )
    return Told(35, said)


def _pulling(message: str) -> Told:
    image = image_in(message)
    said = Said(
        f"Fetching the image {image}. The first time on a machine this takes some minutes.",
        f"Récupération de l'image {image}. La première fois sur une machine, cela prend quelques"
        " minutes.",
    )
    return Told(50, said)


def _failed(reason: str, message: str) -> Told | None:
    if "Back-off restarting failed container" in message:
        said = Said(
            "The session ends as soon as it starts; it is tried again. Give up and choose another"
            " environment if this goes on.",
            "La session s'arrête dès qu'elle démarre ; un nouvel essai suit. Abandonnez et"
            " choisissez un autre environnement si cela continue.",
        )
        return Told(75, said)
    # "Error: ErrImagePull" and its like only repeat the event before them.
    if not _IMAGE.search(message):
        return None
    absent = reason in ("InspectFailed", "ErrImageNeverPull")
    found = _PULL["absent" if absent else trouble_of_pull(message)]
    image = image_in(message)
    return Told(50, Said(found.en.format(image=image), found.fr.format(image=image)))


def image_in(message: str) -> str:
    """The image that an event names."""
    found = _IMAGE.search(message)
    return one_line(found[1], 120) if found else "?"


def is_growing(events: Sequence[Object]) -> bool:
    """Whether the cluster is adding a machine for the pod."""
    return any(tell(one) is _PLAIN["TriggeredScaleUp"] for one in events)
