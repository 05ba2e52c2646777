"""The sentences of nacelle.cluster.reasons: what happened, and what to do next."""

from __future__ import annotations

from nacelle.cluster.pods import ImageTrouble
from nacelle.cluster.scheduling import Cause
from nacelle.language import Said

_FILES = Said(
    "Your files are where you left them.", "Vos fichiers sont là où vous les avez laissés."
)

LOST_MACHINE = Said(
    f"The machine that ran the session was lost. It is not your doing: start it again. {_FILES.en}",
    "La machine qui faisait tourner la session a été perdue. Vous n'y êtes pour rien :"
    f" redémarrez-la. {_FILES.fr}",
)
PREEMPTED = Said(
    "The cluster needed the machine of the session for more urgent work. Start it again later."
    f" {_FILES.en}",
    "Le cluster a eu besoin de la machine de la session pour un travail plus urgent. Redémarrez-la"
    f" plus tard. {_FILES.fr}",
)
SERVICED = Said(
    f"The machine of the session was emptied, to be serviced. Start it again. {_FILES.en}",
    "La machine de la session a été vidée, pour une maintenance. Redémarrez la session."
    f" {_FILES.fr}",
)
SHORT_OF_MEMORY = Said(
    "The machine ran short of memory, and the session used more than is reserved for its size."
    " Start it again with a larger size, or read less data at once.",
    "La machine a manqué de mémoire, et la session en prenait plus que sa taille n'en réserve."
    " Redémarrez-la avec une taille plus grande, ou lisez moins de données à la fois.",
)
DISK = Said(
    "The session filled the temporary disk of its machine. Start it again and keep large files in"
    " your home folder or your buckets, not in /tmp.",
    "La session a rempli le disque temporaire de sa machine. Redémarrez-la et gardez les gros"
    " fichiers dans votre dossier personnel ou vos buckets, pas dans /tmp.",
)
EVICTED = Said(
    f"The machine ran short of room and gave the session up. Start it again. {_FILES.en}",
    f"La machine a manqué de place et a abandonné la session. Redémarrez-la. {_FILES.fr}",
)
GONE = Said(
    "The session was removed from the cluster, by its maintenance or an administrator. Start it"
    f" again. {_FILES.en}",
    "La session a été retirée du cluster, par une maintenance ou un administrateur. Redémarrez-la."
    f" {_FILES.fr}",
)
CRASHED = Said(
    "The session ends as soon as it starts. Choose another environment or image; if you changed"
    " start-up files in your home folder, undo that. Otherwise tell an administrator.",
    "La session s'arrête dès qu'elle démarre. Choisissez un autre environnement ou une autre image"
    " ; si vous avez changé des fichiers de démarrage de votre dossier personnel, annulez cela."
    " Sinon, prévenez un administrateur.",
)
MADE = Said(
    "The cluster could not make this environment: something that it needs is missing. Choose"
    " another, or tell an administrator.",
    "Le cluster n'a pas pu créer cet environnement : il lui manque quelque chose. Choisissez-en un"
    " autre, ou prévenez un administrateur.",
)
VOLUME_LOST = Said(
    "The volume of your home folder is missing on the cluster. Start the session again: a new,"
    " empty one is made. Buckets and jobs are not touched; an administrator may have a copy of the"
    " home.",
    "Le volume de votre dossier personnel manque sur le cluster. Redémarrez la session : un"
    " nouveau, vide, sera créé. Les buckets et les travaux ne sont pas touchés ; un administrateur"
    " a peut-être une copie du dossier.",
)
HOME = Said(
    "Your home folder could not be attached to the machine. Try again in a few minutes; if it"
    " happens again, tell an administrator.",
    "Votre dossier personnel n'a pas pu être rattaché à la machine. Réessayez dans quelques"
    " minutes ; si cela se reproduit, prévenez un administrateur.",
)
SILENT = Said(
    "The session runs, and does not answer. Try again, or choose another environment or image.",
    "La session tourne, mais ne répond pas. Réessayez, ou choisissez un autre environnement ou une"
    " autre image.",
)
STARTING_MACHINE = Said(
    "A machine was being started for the session and was not ready in time. Try again in a few"
    " minutes.",
    "Une machine démarrait pour la session et n'a pas été prête à temps. Réessayez dans quelques"
    " minutes.",
)
_ROOM = Said(
    "No machine of the cluster has room for this now. Choose a smaller size, or try again later.",
    "Aucune machine du cluster n'a de place pour ceci. Choisissez une taille plus petite, ou"
    " réessayez plus tard.",
)
SCHEDULING: dict[Cause, Said] = {
    "volume-lost": VOLUME_LOST,
    "home-in-use": Said(
        "Your home folder is still in use by an earlier session. Try again in a minute.",
        "Votre dossier personnel est encore pris par une session précédente. Réessayez dans une"
        " minute.",
    ),
    "volume-awaited": Said(
        "The volume of your home folder was not made in time. Try again in a few minutes; if it"
        " happens again, tell an administrator.",
        "Le volume de votre dossier personnel n'a pas été créé à temps. Réessayez dans quelques"
        " minutes ; si cela se reproduit, prévenez un administrateur.",
    ),
    "gpu": Said(
        "No GPU of the cluster is free. Choose an environment without, or try again later.",
        "Aucun GPU du cluster n'est libre. Choisissez un environnement sans GPU, ou réessayez plus"
        " tard.",
    ),
    "room": _ROOM,
    "zone": Said(
        "Your home folder is in a part of the cluster where no machine has room. Choose a smaller"
        " size, or try again later.",
        "Votre dossier personnel est dans une partie du cluster où aucune machine n'a de place."
        " Choisissez une taille plus petite, ou réessayez plus tard.",
    ),
    "kind": Said(
        "The cluster has no machine of the kind that this environment needs. Choose another, or ask"
        " an administrator.",
        "Le cluster n'a pas de machine du genre qu'il faut à cet environnement. Choisissez-en un"
        " autre, ou demandez à un administrateur.",
    ),
}


def killed_for_memory(limit: Said | None) -> Said:
    """`limit` as "4 GB"; None when it is not known."""
    en, fr = (f" ({limit.en})", f" ({limit.fr})") if limit else ("", "")
    return Said(
        f"The session used more memory than its size gives{en} and was stopped."
        " Start it again with a larger size, or read less data at once. Files that were saved are"
        " there.",
        f"La session a pris plus de mémoire que sa taille n'en donne{fr} et a été arrêtée."
        " Redémarrez-la avec une taille plus grande, ou lisez moins de données à la fois. Les"
        " fichiers enregistrés sont là.",
    )


def stopped(code: int) -> Said:
    """It ended with an error that nothing explains."""
    return Said(
        f"The session stopped by itself (exit code {code}). Start it again; if it happens again,"
        " tell an administrator.",
        f"La session s'est arrêtée d'elle-même (code de sortie {code}). Redémarrez-la ; si cela se"
        " reproduit, prévenez un administrateur.",
    )


def slow(seconds: int) -> Said:
    """It did not come up, and nothing says why."""
    return Said(
        f"The session did not answer within {seconds} seconds. Try again in a few minutes.",
        f"La session n'a pas répondu en {seconds} secondes. Réessayez dans quelques minutes.",
    )


def image_words(trouble: ImageTrouble, image: str) -> Said:
    """What is wrong with an image."""
    if trouble == "unnameable":
        return Said(
            f"{image} is not the name of an image. Choose another.",
            f"{image} n'est pas un nom d'image. Choisissez-en une autre.",
        )
    if trouble == "absent":
        return Said(
            f"The image {image} does not exist. Check its name and tag if you wrote them, choose"
            " another environment, or tell an administrator.",
            f"L'image {image} n'existe pas. Vérifiez son nom et son étiquette si vous les avez"
            " écrits, choisissez un autre environnement, ou prévenez un administrateur.",
        )
    if trouble == "refused":
        return Said(
            f"The image {image} does not exist, or this platform may not fetch it. Check its name,"
            " choose another, or ask an administrator for access to it.",
            f"L'image {image} n'existe pas, ou cette plateforme n'a pas le droit de la prendre."
            " Vérifiez son nom, choisissez-en une autre, ou demandez-en l'accès à un"
            " administrateur.",
        )
    if trouble == "not-here":
        return Said(
            f"The image {image} is not on the machines of the cluster. Choose another, or tell an"
            " administrator.",
            f"L'image {image} n'est pas sur les machines du cluster. Choisissez-en une autre, ou"
            " prévenez un administrateur.",
        )
    return Said(
        f"The image {image} could not be fetched in time: it is large, or its registry does not"
        " answer. Try again in a few minutes.",
        f"L'image {image} n'a pas pu être obtenue à temps : elle est grosse, ou son registre ne"
        " répond pas. Réessayez dans quelques minutes.",
    )
