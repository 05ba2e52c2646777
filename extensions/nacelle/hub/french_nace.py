"""French for the texts of the classifier's pages, by their English."""

from __future__ import annotations

NACE: dict[str, str] = {
    "API keys": "Clés d'API",
    "Try it": "Essayer",
    "Classifier": "Classifieur",
    # API keys
    "{rate} requests/s, {burst} at once": "{rate} requêtes/s, {burst} à la fois",
    "{texts} texts a day": "{texts} textes par jour",
    "as many texts a day as it likes": "autant de textes par jour qu'elle veut",
    "has left: the key is refused": "parti : la clé est refusée",
    "may administer": "peut administrer",
    "With an API key an application asks the classifier for codes: a business register, an agents'"
    " desk, a script in R. Give each application its own.": (
        "Avec une clé d'API, une application demande des codes au classifieur : un répertoire"
        " d'entreprises, un poste d'agent, un script R. Donnez la sienne à chaque application."
    ),
    "The key is revoked. The next request with it is refused.": (
        "La clé est révoquée. La prochaine requête qui l'utilise sera refusée."
    ),
    "Your new key {name}": "Votre nouvelle clé {name}",
    "Keep it where the application keeps its passwords, and put it in NACELLE_API_KEY. Never write"
    " it into a notebook.": (
        "Gardez-la là où l'application garde ses mots de passe, et mettez-la dans NACELLE_API_KEY."
        " Ne l'écrivez jamais dans un carnet."
    ),
    "Make a key": "Créer une clé",
    "Make the key": "Créer la clé",
    "Made on": "Créée le",
    "Last used on": "Utilisée le",
    "What uses it": "Ce qui l'utilise",
    "What used it": "Ce qui l'utilisait",
    "It may send {rate} requests a second, {burst} at once.": (
        "Elle pourra envoyer {rate} requêtes par seconde, {burst} à la fois."
    ),
    "It may send {texts} texts a day (UTC).": "Elle pourra envoyer {texts} textes par jour (UTC).",
    "An administrator can make one that may do more.": (
        "Un administrateur peut en créer une qui peut davantage."
    ),
    "Other limits and rights": "Autres limites et droits",
    "Requests a second": "Requêtes par seconde",
    "Requests at once": "Requêtes à la fois",
    "Texts a day": "Textes par jour",
    "0: no limit.": "0 : sans limite.",
    "May administer: see and revoke everybody's keys": (
        "Peut administrer : voir et révoquer les clés de chacun"
    ),
    "Everybody's keys": "Les clés de tous",
    "Your keys": "Vos clés",
    "Whose": "À qui",
    "May send": "Peut envoyer",
    "Revoking is at once and for good. Days of use are in UTC.": (
        "La révocation est immédiate et définitive. Les jours d'usage sont en UTC."
    ),
    "There is none yet. Make one above, and give it to the application that needs codes.": (
        "Il n'y en a pas encore. Créez-en une ci-dessus et donnez-la à l'application qui a besoin"
        " de codes."
    ),
    "Revoked keys ({count})": "Clés révoquées ({count})",
    "Revoked on": "Révoquée le",
    # Try the classifier
    "Try the classifier": "Essayer le classifieur",
    "Write what a business does, in its own words; the classifier proposes codes.": (
        "Écrivez ce que fait une entreprise, avec ses mots ; le classifieur propose des codes."
    ),
    "Activity": "Activité",
    "Texts are kept with their answers, to watch over quality: no names of persons, please.": (
        "Les textes sont gardés avec leurs réponses, pour suivre la qualité : pas de noms de"
        " personnes, s'il vous plaît."
    ),
    "Language of the text": "Langue du texte",
    "How many codes": "Combien de codes",
    "Ask for codes": "Demander des codes",
    "Proposed codes": "Codes proposés",
    "This is a forecast, not a decision: whoever codes decides, and answers for it.": (
        "C'est une prévision, pas une décision : la personne qui code décide, et en répond."
    ),
    "Code": "Code",
    "Title": "Intitulé",
    "Probability": "Probabilité",
    "No code is proposed for this text.": "Aucun code n'est proposé pour ce texte.",
    "Confidence index": "Indice de confiance",
    "the first probability less the second": "la première probabilité moins la deuxième",
    "What follows": "Suite donnée",
    "To an agent: there is nothing to choose from.": "À un agent : il n'y a rien à choisir.",
    "Coded automatically: the index reaches the threshold of {threshold}.": (
        "Codé automatiquement : l'indice atteint le seuil de {threshold}."
    ),
    "To an agent: no threshold is set for this model.": (
        "À un agent : ce modèle n'a pas de seuil."
    ),
    "To an agent: the index is below the threshold of {threshold}.": (
        "À un agent : l'indice est sous le seuil de {threshold}."
    ),
    "Found by": "Trouvé par",
    "it is empty": "il est vide",
    "it has no letters": "il n'a pas de lettres",
    "it is one letter": "il n'a qu'une lettre",
    "it says nothing about an activity": "il ne dit rien d'une activité",
    "it repeats the same letters": "il répète les mêmes lettres",
    "it has no word that says anything": "il n'a aucun mot qui dise quelque chose",
    "Model": "Modèle",
    "Nomenclature": "Nomenclature",
    "Request": "Requête",
    "Make a key on the page API keys and put it in NACELLE_API_KEY.": (
        "Créez une clé sur la page Clés d'API et mettez-la dans NACELLE_API_KEY."
    ),
}
