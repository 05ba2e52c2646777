"""French for the texts of the pages of jobs, by their English."""

from __future__ import annotations

JOBS: dict[str, str] = {
    "Jobs": "Travaux",
    "Runs": "Exécutions",
    "Job": "Travail",
    "State": "État",
    "Notebook": "Carnet",
    "Due": "Prévue",
    "Took": "Durée",
    "Why it ran": "Pourquoi",
    "How it ended": "Issue",
    "attempt {number}": "tentative {number}",
    "cell {cell} of {of}": "cellule {cell} sur {of}",
    "Search": "Rechercher",
    "All": "Tous",
    "Everybody's": "De tout le monde",
    "Yes": "Oui",
    "No": "Non",
    "The name of the secret, never the secret.": "Le nom du secret, jamais le secret.",
    "{scheduled} becomes the time at which the run was due, {actual} that at which it began;"
    " {scheduled:%Y-%m} writes it so.": (
        "{scheduled} devient l'heure prévue de l'exécution, {actual} celle de son début ;"
        " {scheduled:%Y-%m} l'écrit ainsi."
    ),
    "A job runs a notebook on a schedule, as you, in the environment that it was made in.": (
        "Un travail exécute un carnet selon un calendrier, en votre nom, dans l'environnement où il"
        " a été créé."
    ),
    "Schedule": "Calendrier",
    "Next time": "Prochaine fois",
    "Next times": "Prochaines fois",
    "Last run": "Dernière exécution",
    "On demand": "À la demande",
    "{shown} of {total}; search to see others.": (
        "{shown} sur {total} ; faites une recherche pour voir les autres."
    ),
    "No job fits this search.": "Aucun travail ne correspond à cette recherche.",
    "You have no job yet": "Vous n'avez pas encore de travail",
    "Open a notebook in your session and choose “Promote” in its toolbar. Or promote one by a"
    " command, there or anywhere with a token:": (
        "Ouvrez un carnet dans votre session et choisissez « Promouvoir » dans sa barre"
        " d'outils. Ou promouvez-en un par une commande, là ou partout avec un jeton :"
    ),
    "New since you last looked": "Nouveau depuis votre dernier passage",
    "{total} runs in all.": "{total} exécutions en tout.",
    "Older ones": "Plus anciennes",
    "No run fits this search.": "Aucune exécution ne correspond à cette recherche.",
    "Nothing has run yet. When a job runs, its progress, its output and the reason of a failure"
    " stand here.": (
        "Rien n'a encore été exécuté. Quand un travail s'exécute, son avancement, son résultat et"
        " la cause d'un échec s'affichent ici."
    ),
    "All jobs": "Tous les travaux",
    "A draft: its schedule begins after a run of it as it stands has succeeded, or when you arm it."
    "": (
        "Une ébauche : son calendrier commence quand une exécution du travail tel qu'il est a"
        " réussi, ou quand vous l'armez."
    ),
    "commit {commit}": "commit {commit}",
    "with changes that were not committed": "avec des modifications non validées",
    "Runs as": "Au nom de",
    "for the project {project}": "pour le projet {project}",
    "Keys in it": "Clés dedans",
    "{person} took the notebook although keys seem to stand in it": (
        "{person} a pris le carnet bien que des clés semblent s'y trouver"
    ),
    "Run now": "Exécuter maintenant",
    "Arm it without a run": "L'armer sans exécution",
    "Resume": "Reprendre",
    "Suspend": "Suspendre",
    "Take it over": "Le reprendre à mon nom",
    "It has not run yet.": "Il n'a pas encore été exécuté.",
    "Run once with other parameters": "Exécuter une fois avec d'autres paramètres",
    "Edit": "Modifier",
    "Schedule (cron: minute hour day month weekday)": (
        "Calendrier (cron : minute heure jour mois jour de la semaine)"
    ),
    "Empty: on demand only.": "Vide : à la demande seulement.",
    "Time zone": "Fuseau horaire",
    "Time limit, in seconds": "Durée limite, en secondes",
    "Tries after a failure": "Nouvelles tentatives après un échec",
    "When the run before is not over": "Si l'exécution précédente n'est pas finie",
    "skip the new one": "passer la nouvelle",
    "stop the old one": "arrêter l'ancienne",
    "run both": "exécuter les deux",
    "Times missed while the platform was down": "Heures manquées pendant un arrêt",
    "catch up on the latest": "rattraper la dernière",
    "catch up on all": "les rattraper toutes",
    "let them go": "les laisser passer",
    "Tell people": "Prévenir",
    "when it fails": "en cas d'échec",
    "whenever it ends": "à chaque fin",
    "By mail to": "Par courriel à",
    "By a webhook at": "Par un webhook à",
    "Keep the change": "Enregistrer la modification",
    "Other parameters or another time limit make it a draft again until a run has succeeded.": (
        "D'autres paramètres ou une autre durée limite en refont une ébauche jusqu'à une"
        " exécution réussie."
    ),
    "And as a Kubernetes manifest:": "Et comme manifeste Kubernetes :",
    "Share it with a project": "Le partager avec un projet",
    "Project": "Projet",
    "Its members see it, run it and read its output, which then goes to the project's bucket. They"
    " may take it over.": (
        "Ses membres le voient, l'exécutent et lisent ses résultats, qui vont alors dans le bucket"
        " du projet. Ils peuvent le reprendre."
    ),
    "Share it": "Le partager",
    "Delete": "Supprimer",
    "What its runs wrote to the bucket stays. The schedule, the list of its runs and their logs go"
    " for good.": (
        "Ce que ses exécutions ont écrit dans le bucket reste. Le calendrier, la liste des"
        " exécutions et leurs journaux disparaissent pour de bon."
    ),
    "Delete the job": "Supprimer le travail",
    "A run of {job}": "Une exécution de {job}",
    "the attempt before": "la tentative précédente",
    "Began": "Début",
    "Ended": "Fin",
    "Kept at": "Gardé à",
    "Open the output": "Ouvrir le résultat",
    "Download the notebook": "Télécharger le carnet",
    "Stop it": "L'arrêter",
    "Run it again": "Relancer",
    "Log": "Journal",
    "Nothing is written yet.": "Rien n'est encore écrit.",
    "The whole log": "Tout le journal",
    "Its owner and the members of its project read the log and the output.": (
        "Son propriétaire et les membres de son projet lisent le journal et le résultat."
    ),
    "{step} of {steps} steps are over": "{step} étapes sur {steps} sont finies",
    "Steps": "Étapes",
    "Step": "Étape",
    "What it gave": "Ce qu'elle a donné",
    "What it wrote": "Ce qu'elle a écrit",
    "taken over from an earlier run": "reprise d'une exécution antérieure",
    "output": "résultat",
    "notebook": "carnet",
    "log": "journal",
    "Run it again: the steps that succeeded are taken over, the others run.": (
        "Relancez : les étapes réussies sont reprises, les autres s'exécutent."
    ),
    "Run it again with other parameters": "Relancer avec d'autres paramètres",
    "Compare with another run": "Comparer avec une autre exécution",
    "The other run": "L'autre exécution",
    "Compare": "Comparer",
    "Compare two runs": "Comparer deux exécutions",
    "Parameters": "Paramètres",
    "Before": "Avant",
    "After": "Après",
    "Outputs": "Résultats",
    "{count} cells are the same.": "{count} cellules sont identiques.",
    "Cell {number}": "Cellule {number}",
    "only before": "seulement avant",
    "only after": "seulement après",
}
