"""French for the texts of the hub's pages and scripts, by their English."""

from __future__ import annotations

from nacelle.hub.french_jobs import JOBS
from nacelle.hub.french_kubernetes import KUBERNETES
from nacelle.hub.french_nace import NACE
from nacelle.hub.french_secrets import SECRETS

# Texts that scripts write; their French travels with each page.
SCRIPTS: dict[str, str] = {
    "Copied.": "Copié.",
    "Stop": "Arrêter",
    "Stopping…": "Arrêt…",
    "Giving up…": "Abandon…",
    "Made on the tokens page": "Créé sur la page des jetons",
    "Your session is ready.": "Votre session est prête.",
    "The session did not start": "La session n'a pas démarré",
    "Spawn failed": "Le démarrage a échoué",
    "Spawn cancelled": "Le démarrage a été annulé",
    "Server requested": "Session demandée",
    "Preparing your home folder.": "Préparation de votre dossier personnel.",
    "The session is starting.": "La session démarre.",
    "The session answers; opening the door to it.": "La session répond ; ouverture de l'accès.",
}

PAGES: dict[str, str] = {
    # The frame
    "Home": "Accueil",
    "Skip to the content": "Aller au contenu",
    "Main": "Principal",
    "mlflow": "Suivi (MLflow)",
    "Tokens": "Jetons",
    "Password": "Mot de passe",
    "Administration": "Administration",
    "Log out": "Se déconnecter",
    "Some of this page needs JavaScript. Please allow it for this address.": (
        "Une partie de cette page a besoin de JavaScript. Autorisez-le pour cette adresse."
    ),
    ": ": " : ",
    # Login
    "Log in": "Se connecter",
    "Log in with {service}": "Se connecter avec {service}",
    "Notebooks, storage and experiment tracking, ready to work.": (
        "Carnets, stockage et suivi des expériences, prêts à l'emploi."
    ),
    "Name": "Nom",
    "Show": "Montrer",
    "The first passwords are in the file secrets/passwords.txt of the data folder. Whoever"
    " installed this platform can read it.": (
        "Les premiers mots de passe sont dans le fichier secrets/passwords.txt du dossier de"
        " données. La personne qui a installé cette plateforme peut le lire."
    ),
    "Invalid username or password": "Ce nom et ce mot de passe ne vont pas ensemble.",
    "Login form invalid or expired. Try again.": "Le formulaire a expiré. Réessayez.",
    "Logged out": "Déconnecté",
    "You are logged out": "Vous êtes déconnecté",
    "A session that runs goes on running until it has been idle for a while.": (
        "Une session qui tourne continue jusqu'à ce qu'elle soit restée inactive un moment."
    ),
    # Home
    "Your session": "Votre session",
    "State of your session": "État de votre session",
    "Running": "En marche",
    "Environment": "Environnement",
    "Started": "Démarrée",
    "Last activity": "Dernière activité",
    "Open": "Ouvrir",
    "Stopping ends what runs in it. Files and buckets stay.": (
        "L'arrêt met fin à ce qui y tourne. Les fichiers et les buckets restent."
    ),
    "Starting": "Démarrage",
    "Stopping": "Arrêt",
    "See how far it is": "Voir où elle en est",
    "No session is running": "Aucune session ne tourne",
    "A session is your own place to work: notebooks, a terminal, your files and your buckets."
    " Choose an environment to start one; it takes a few seconds.": (
        "Une session est votre propre lieu de travail : carnets, terminal, vos fichiers et vos"
        " buckets. Choisissez un environnement pour en démarrer une ; cela prend quelques secondes."
    ),
    "Choose an environment": "Choisir un environnement",
    "The same by a command": "La même chose par une commande",
    "Make a token on the Tokens page and put it in NACELLE_TOKEN.": (
        "Créez un jeton sur la page Jetons et mettez-le dans NACELLE_TOKEN."
    ),
    "Copy": "Copier",
    "Never": "Jamais",
    # Spawn
    "You are starting a session for {name}.": "Vous démarrez une session pour {name}.",
    "Your files and buckets are the same in all of them.": (
        "Vos fichiers et vos buckets sont les mêmes dans tous."
    ),
    "not here": "pas ici",
    "Start": "Démarrer",
    "Start it by a link or a command": "Démarrer par un lien ou une commande",
    "Launch link": "Lien de lancement",
    "Whoever opens it and logs in starts this environment for themselves.": (
        "Qui l'ouvre et se connecte démarre cet environnement pour soi."
    ),
    "Command": "Commande",
    # Pending, stopping, failed
    "Your session is starting": "Votre session démarre",
    "It opens here by itself when it is ready.": "Elle s'ouvrira ici dès qu'elle sera prête.",
    "Progress": "Progression",
    "Waiting for the hub.": "En attente du hub.",
    "Give up": "Abandonner",
    "Choose again": "Choisir à nouveau",
    "What happened so far": "Ce qui s'est passé jusqu'ici",
    "Your session is stopping": "Votre session s'arrête",
    "This page looks again every two seconds. Then you can start another.": (
        "Cette page vérifie toutes les deux secondes. Vous pourrez ensuite en démarrer une autre."
    ),
    "The hub's log has the details; an administrator can read it.": (
        "Le journal du hub a les détails ; un administrateur peut le lire."
    ),
    "This start does not count against any limit. You can choose again, perhaps another"
    " environment.": (
        "Ce démarrage n'est compté dans aucune limite. Vous pouvez choisir à nouveau, peut-être un"
        " autre environnement."
    ),
    "The page that you asked for is in a session which does not run now. Your files are where you"
    " left them.": (
        "La page demandée est dans une session qui ne tourne pas en ce moment. Vos fichiers sont là"
        " où vous les avez laissés."
    ),
    "Start the session": "Démarrer la session",
    "Active user limit exceeded. Try again in a few minutes.": (
        "Toutes les places sont prises. Réessayez dans quelques minutes."
    ),
    # Errors
    "Error {code}": "Erreur {code}",
    "What the hub says": "Ce que dit le hub",
    "You may not see this": "Vous n'avez pas accès à ceci",
    "There is nothing here": "Il n'y a rien ici",
    "This does not answer": "Ceci ne répond pas",
    "Something went wrong": "Quelque chose s'est mal passé",
    "This cannot be done as asked": "Ceci n'est pas possible tel que demandé",
    "It belongs to somebody else, or your login has ended. Log in again, or ask whoever sent you"
    " here.": (
        "Cela appartient à quelqu'un d'autre, ou votre connexion a expiré. Reconnectez-vous, ou"
        " demandez à qui vous a envoyé ici."
    ),
    "The address may be mistyped, or what it led to is gone or not yours to see.": (
        "L'adresse est peut-être mal écrite, ou ce qu'elle montrait n'existe plus ou ne vous est"
        " pas ouvert."
    ),
    "This part of the platform is starting or stopped. Try again in a moment.": (
        "Cette partie de la plateforme démarre ou est arrêtée. Réessayez dans un instant."
    ),
    "Try again. If it happens again, tell an administrator the time and this address.": (
        "Réessayez. Si cela se reproduit, donnez l'heure et cette adresse à un administrateur."
    ),
    "Go back, change what the message names, and try again.": (
        "Revenez en arrière, changez ce que le message nomme, et réessayez."
    ),
    # Password
    "Change your password": "Changer votre mot de passe",
    "At least 10 characters. Other browsers where you are logged in will ask for it.": (
        "Au moins 10 caractères. Les autres navigateurs où vous êtes connecté le demanderont."
    ),
    "Your password is changed.": "Votre mot de passe est changé.",
    "Current password": "Mot de passe actuel",
    "New password": "Nouveau mot de passe",
    "New password again": "Nouveau mot de passe, encore une fois",
    "Change it": "Le changer",
    # Tokens
    "A token lets a program act for you on this platform. Give each program its own, with an"
    " end.": (
        "Un jeton permet à un programme d'agir pour vous sur cette plateforme. Donnez à chaque"
        " programme le sien, avec une fin."
    ),
    "Your new token": "Votre nouveau jeton",
    "Copy it now: it is not shown again.": "Copiez-le maintenant : il ne sera plus montré.",
    "Make a token": "Créer un jeton",
    "What it is for": "À quoi il sert",
    "Ends after": "Prend fin après",
    "1 hour": "1 heure",
    "1 day": "1 jour",
    "1 week": "1 semaine",
    "30 days": "30 jours",
    "1 year": "1 an",
    "Rights": "Droits",
    "Names of JupyterHub scopes, such as servers!user. Empty: all that you may do.": (
        "Noms de « scopes » de JupyterHub, comme servers!user. Vide : tout ce que vous pouvez"
        " faire."
    ),
    "Make it": "Le créer",
    "Your tokens": "Vos jetons",
    "Last used": "Dernier usage",
    "First used": "Premier usage",
    "Made": "Créé",
    "Ends": "Fin",
    "Actions": "Actions",
    "Revoke": "Révoquer",
    "Revoking the token of a running session cuts it off from storage and tracking until it is"
    " started again.": (
        "Révoquer le jeton d'une session en marche la coupe du stockage et du suivi jusqu'à son"
        " prochain démarrage."
    ),
    "You have none. Make one above to use the commands shown on these pages.": (
        "Vous n'en avez pas. Créez-en un ci-dessus pour utiliser les commandes montrées ici."
    ),
    "Applications you logged in to": "Applications où vous vous êtes connecté",
    "Application": "Application",
    # Administration, consent, invitations
    "People and their sessions. People and projects are written in settings.yaml; what is changed"
    " here for them is set back when the hub starts again.": (
        "Les personnes et leurs sessions. Personnes et projets s'écrivent dans settings.yaml ; ce"
        " qu'on en change ici est rétabli au prochain démarrage du hub."
    ),
    "Allow access": "Autoriser l'accès",
    "Allow access?": "Autoriser l'accès ?",
    "An application asks to know who you are:": "Une application demande qui vous êtes :",
    "It will be allowed to:": "Elle pourra :",
    "Allow": "Autoriser",
    "Cancel": "Annuler",
    "Invitation": "Invitation",
    "{owner} invites you to their session.": "{owner} vous invite dans sa session.",
    "It does not run now: after accepting, ask {owner} to start it.": (
        "Elle ne tourne pas en ce moment : après avoir accepté, demandez à {owner} de la démarrer."
    ),
    "You will be allowed to:": "Vous pourrez :",
    "Accept": "Accepter",
    # JupyterHub's words for the rights that somebody may be asked to give
    "Identify the owner of the requesting entity.": "Savoir qui vous êtes.",
    "Anything you have access to": "Tout ce que vous pouvez faire",
    "Access user servers via API or browser.": (
        "Ouvrir des sessions, par l'API ou dans un navigateur."
    ),
    "Access services via API or browser.": (
        "Ouvrir des services, par l'API ou dans un navigateur."
    ),
    "Start and stop user servers.": "Démarrer et arrêter des sessions.",
    "Start and edit users' servers. (added in JupyterHub 6)": "Démarrer et modifier des sessions.",
    "Stop and delete users' servers.": "Arrêter et supprimer des sessions.",
    "Read users\u2019 names and their server models (excluding the server state).": (
        "Lire les noms et la description des sessions."
    ),
    "Read user models (including the URL of the default server if it is running).": (
        "Lire les fiches des personnes, dont l'adresse de leur session."
    ),
    "Read names of users.": "Lire les noms des personnes.",
    "Read users\u2019 group membership.": "Lire les projets des personnes.",
    "Read time of last user activity.": "Lire l'heure de la dernière activité.",
    "Update time of last user activity.": "Tenir à jour l'heure de la dernière activité.",
    "only you": "vous seul",
}

FRENCH: dict[str, str] = {**SCRIPTS, **PAGES, **NACE, **JOBS, **SECRETS, **KUBERNETES}

# What JupyterHub says otherwise than we would, with a part that varies: (pattern, English, French).
VARYING: tuple[tuple[str, str, str], ...] = (
    (
        r"Too many users trying to log in right now\. Try again in (\d+) seconds\.",
        "Many sessions are starting right now. Try again in {} seconds.",
        "Beaucoup de sessions démarrent en ce moment. Réessayez dans {} secondes.",
    ),
    (
        r"Too many users trying to log in right now\. Try again in (\d+) minutes\.",
        "Many sessions are starting right now. Try again in {} minutes.",
        "Beaucoup de sessions démarrent en ce moment. Réessayez dans {} minutes.",
    ),
    (r"server (.+)", "session {}", "session {}"),
    (r"user (.+)", "user {}", "personne {}"),
    (r"users in group (.+)", "members of {}", "membres de {}"),
)

# What JupyterHub notes on tokens and applications. People write such notes as well, so only these
# forms are put in other words.
NOTES: tuple[tuple[str, str, str], ...] = (
    (r"Server at (/user/.+/)", "Session at {}", "Session à l'adresse {}"),
    (r"JupyterHub service (.+)", "Service {}", "Service {}"),
    (r"Requested via api", "Requested through the API", "Demandé par l'API"),
)

# What JupyterHub says otherwise than we would.
ENGLISH: dict[str, str] = {
    "mlflow": "Tracking (MLflow)",
    "Invalid username or password": "This name and this password do not go together.",
    "Login form invalid or expired. Try again.": "The form has expired. Try again.",
    "Active user limit exceeded. Try again in a few minutes.": (
        "All places are taken. Try again in a few minutes."
    ),
}
