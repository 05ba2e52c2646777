"""French for the texts of the page of secrets, by their English."""

from __future__ import annotations

SECRETS: dict[str, str] = {
    "Secrets": "Secrets",
    "Passwords and keys that your notebooks need, and who you are to Git. Your sessions get them;"
    " this page shows no value again, not even to you.": (
        "Les mots de passe et les clés dont vos carnets ont besoin, et qui vous êtes pour Git. Vos"
        " sessions les reçoivent ; cette page ne remontre aucune valeur, pas même à vous."
    ),
    "Done. A session that runs has this after it is started again.": (
        "C'est fait. Une session en marche en tient compte une fois redémarrée."
    ),
    "Done. Sessions that you start from now on commit so.": (
        "C'est fait. Les sessions démarrées à partir de maintenant signeront ainsi leurs commits."
    ),
    "Done. Git in your sessions knows it at once.": (
        "C'est fait. Git en tient compte aussitôt dans vos sessions."
    ),
    "Variables of your sessions": "Variables de vos sessions",
    "There is none yet. Keep one here instead of writing it into a notebook, where whoever reads"
    " the notebook reads it too.": (
        "Il n'y en a pas encore. Gardez-en un ici au lieu de l'écrire dans un carnet, où quiconque"
        " lit le carnet le lit aussi."
    ),
    "Last changed": "Dernier changement",
    "Remove": "Retirer",
    "Keep a secret": "Garder un secret",
    "Name of the variable": "Nom de la variable",
    "Letters, digits and _, for example API_KEY. A name that is there gets the new value.": (
        "Lettres, chiffres et _, par exemple API_KEY. Un nom déjà présent reçoit la nouvelle"
        " valeur."
    ),
    "Value": "Valeur",
    "One line, or several such as a private key.": (
        "Une ligne, ou plusieurs, comme une clé privée."
    ),
    "Keep it": "Garder",
    "In a notebook, in Python, R or Julia:": "Dans un carnet, en Python, R ou Julia :",
    "Jobs do not get your secrets.": "Les travaux ne reçoivent pas vos secrets.",
    "You and Git": "Vous et Git",
    "Who commits": "Qui signe les commits",
    "Your name": "Votre nom",
    "E-mail address": "Adresse électronique",
    "Your commits carry both, for everybody who reads the repository. Empty: what your login says."
    " What you told Git yourself in a terminal stays.": (
        "Vos commits portent les deux, pour quiconque lit le dépôt. Vide : ce que dit votre"
        " compte. Ce que vous avez dit vous-même à Git dans un terminal reste."
    ),
    "Save": "Enregistrer",
    "Tokens for Git servers": "Jetons pour les serveurs Git",
    "Server": "Serveur",
    "There is none yet. With a token of your Git server, git clone and git push in a session ask"
    " for no password.": (
        "Il n'y en a pas encore. Avec un jeton de votre serveur Git, git clone et git push ne"
        " demandent aucun mot de passe dans une session."
    ),
    "For example git.example.org; Git asks it by https.": (
        "Par exemple git.example.org ; Git lui parle en https."
    ),
    "User name there": "Nom d'utilisateur là-bas",
    "Most servers take any name beside a token.": (
        "La plupart des serveurs acceptent n'importe quel nom à côté d'un jeton."
    ),
    "Token": "Jeton",
    "Keep the token": "Garder le jeton",
    "Make a token on the Tokens page and put it in NACELLE_TOKEN. In secret.json write {example}: a"
    " value on the command line would stay in its history.": (
        "Créez un jeton sur la page Jetons et mettez-le dans NACELLE_TOKEN. Dans secret.json,"
        " écrivez {example} : une valeur sur la ligne de commande resterait dans son historique."
    ),
    "Programs that speak to a Vault or OpenBao themselves find yours in a session by VAULT_ADDR,"
    " VAULT_TOKEN, VAULT_MOUNT and VAULT_TOP_DIR. Your folder:": (
        "Les programmes qui parlent eux-mêmes à un Vault ou OpenBao trouvent le vôtre dans une"
        " session par VAULT_ADDR, VAULT_TOKEN, VAULT_MOUNT et VAULT_TOP_DIR. Votre dossier :"
    ),
}
