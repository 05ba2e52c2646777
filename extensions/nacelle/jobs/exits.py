"""How runs end, in words: what happened and what to do, in English and French."""

from __future__ import annotations

from nacelle.jobs.parts import Exit, Sentence

_LONGEST = 300

# Code -> what a reader is told. Names in braces are the details that `explain` must be given.
SAYINGS: dict[str, tuple[str, str]] = {
    "succeeded": ("Every cell ran.", "Toutes les cellules se sont exécutées."),
    "exception": (
        "Cell {cell} stopped with {error}: {message}. Open the output notebook at that cell.",
        "La cellule {cell} s'est arrêtée avec {error} : {message}. Ouvrez le carnet produit à"
        " cette cellule.",
    ),
    "out-of-memory": (
        "The run used more memory than its environment gives ({limit}). Choose a larger size, or"
        " read less at once.",
        "L'exécution a pris plus de mémoire que son environnement n'en donne ({limit}). Choisissez"
        " une taille plus grande, ou lisez moins de données à la fois.",
    ),
    "timed-out": (
        "The run was stopped after {limit}, the job's time limit. Raise the limit if it needs"
        " longer.",
        "L'exécution a été arrêtée au bout de {limit}, la durée limite du travail. Augmentez cette"
        " limite s'il lui faut plus de temps.",
    ),
    "image": (
        "The environment's image {image} could not be fetched. Check that it still exists, or"
        " choose another environment.",
        "L'image {image} de l'environnement n'a pas pu être obtenue. Vérifiez qu'elle existe"
        " encore, ou choisissez un autre environnement.",
    ),
    "environment": (
        "The environment could not be used: {message}. Choose another one for the job.",
        "L'environnement n'a pas pu être utilisé : {message}. Choisissez-en un autre pour le"
        " travail.",
    ),
    "quota": (
        "There was no place left in the quota of {owner}. Run it again when other work has ended,"
        " or ask an administrator for more.",
        "Il ne restait plus de place dans le quota de {owner}. Relancez quand d'autres travaux"
        " seront finis, ou demandez-en plus à un administrateur.",
    ),
    "no-node": (
        "No machine could take the run within {limit}: none is large enough or free. Choose a"
        " smaller size, or run it later.",
        "Aucune machine n'a pu prendre l'exécution en {limit} : aucune n'est assez grande ou"
        " libre. Choisissez une taille plus petite, ou relancez plus tard.",
    ),
    "lost-machine": (
        "The machine that ran it was lost. The notebook is not at fault: run it again.",
        "La machine qui l'exécutait a été perdue. Le carnet n'est pas en cause : relancez.",
    ),
    "evicted": (
        "The cluster needed the machine that ran it for something else, or is being serviced. The"
        " notebook is not at fault: run it again.",
        "Le cluster a eu besoin ailleurs de la machine qui l'exécutait, ou est en maintenance. Le"
        " carnet n'est pas en cause : relancez.",
    ),
    "kernel-died": (
        "The kernel stopped by itself in cell {cell}. A library may have crashed: run that cell in"
        " a session to see.",
        "Le noyau s'est arrêté de lui-même à la cellule {cell}. Une bibliothèque a pu planter :"
        " exécutez cette cellule dans une session pour le voir.",
    ),
    "kernel-missing": (
        "The environment has no kernel {kernel}. Choose an environment that has it.",
        "L'environnement n'a pas de noyau {kernel}. Choisissez un environnement qui l'a.",
    ),
    "packages": (
        "The job's packages could not be installed: {message}. Check their names and versions.",
        "Les paquets du travail n'ont pas pu être installés : {message}. Vérifiez leurs noms et"
        " leurs versions.",
    ),
    "notebook": (
        "The notebook could not be read from the store: {message}. Promote it again.",
        "Le carnet n'a pas pu être lu dans le stockage : {message}. Promouvez-le à nouveau.",
    ),
    "storage": (
        "The results could not be written to {address}: {message}. Check the space left and run it"
        " again.",
        "Les résultats n'ont pas pu être écrits dans {address} : {message}. Vérifiez la place"
        " restante et relancez.",
    ),
    "keys-refused": (
        "The platform gave no storage keys to this run: {message}. Ask an administrator whether"
        " {owner} still has the right to them.",
        "La plateforme n'a pas donné de clés de stockage à cette exécution : {message}. Demandez à"
        " un administrateur si {owner} y a encore droit.",
    ),
    "step-timed-out": (
        "It was stopped after {limit}, the limit of this step. Raise its timeout in the pipeline if"
        " it needs longer.",
        "Elle a été arrêtée au bout de {limit}, la limite de cette étape. Augmentez son « timeout »"
        " dans la chaîne s'il lui faut plus de temps.",
    ),
    "no-output": (
        "It asks for the output {output} of the step {step}, which gave none of this name. Call"
        " nacelle.output in that step's notebook.",
        "Elle demande le résultat {output} de l'étape {step}, qui n'en a pas donné de ce nom."
        " Appelez nacelle.output dans le carnet de cette étape.",
    ),
    "no-list": (
        "The {name} of its matrix is no list of at most {most} values. Give a list.",
        "Le {name} de sa matrice n'est pas une liste d'au plus {most} valeurs. Donnez une liste.",
    ),
    "cancelled": ("{by} cancelled the run.", "{by} a annulé l'exécution."),
    "taken-over": (
        "{by} took the job over before the run was over.",
        "{by} a repris le travail avant la fin de l'exécution.",
    ),
    "replaced": (
        "A newer run took its place, as the job asks when runs overlap.",
        "Une exécution plus récente a pris sa place, comme le demande le travail.",
    ),
    "overlap": (
        "The run before was not over, and the job lets no two run at once.",
        "L'exécution précédente n'était pas finie, et le travail n'en permet pas deux à la fois.",
    ),
    "missed": (
        "The platform was down at this time, and the job says not to catch up on it.",
        "La plateforme était arrêtée à cette heure, et le travail demande de ne pas la rattraper.",
    ),
    "suspended": (
        "The job was suspended before the run could start.",
        "Le travail a été suspendu avant que l'exécution ne commence.",
    ),
    "platform": (
        "The platform failed, not the notebook. Run it again; if it comes back, give an"
        " administrator the number {request}.",
        "La plateforme a échoué, pas le carnet. Relancez ; si cela se répète, donnez le numéro"
        " {request} à un administrateur.",
    ),
}


def explain(code: str, **details: str | int) -> Exit:
    """The exit of a run. Details are cut to one line; all that the saying names must be given."""
    en, fr = SAYINGS[code]
    shown = {name: _one_line(value) for name, value in details.items()}
    cell = details.get("cell")
    return Exit(
        code=code,
        said=Sentence(en=en.format(**shown), fr=fr.format(**shown)),
        cell=cell if isinstance(cell, int) else None,
    )


def _one_line(value: str | int) -> str:
    text = " ".join(str(value).split()).rstrip(".")
    text = "".join(sign for sign in text if sign.isprintable())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
