"""What the hub's two pages of the classifier share."""

from __future__ import annotations

from typing import Any

from nacelle.hub.service_page import ServicePage, ServiceRefused
from nacelle.language import Said
from nacelle.prefixes import NACE_PREFIX

_AWAY = Said(
    "The classifier does not answer: it is starting or stopped. Try again in a moment.",
    "Le classifieur ne répond pas : il démarre ou il est arrêté. Réessayez dans un instant.",
)
# What the classifier says in English, for readers of both languages.
_REFUSALS = {
    "name-in-use": Said(
        "You have a key of this name. Choose another name, or revoke that key first.",
        "Vous avez déjà une clé de ce nom. Choisissez un autre nom, ou révoquez d'abord cette clé.",
    ),
    "too-many-keys": Said(
        "You have as many keys as one person may have. Revoke one first.",
        "Vous avez autant de clés qu'une personne peut en avoir. Révoquez-en une d'abord.",
    ),
    "no-such-key": Said("There is no such key.", "Cette clé n'existe pas."),
    "too-many-requests": Said(
        "That was too much at once. Try again in a few seconds.",
        "C'est trop à la fois. Réessayez dans quelques secondes.",
    ),
    "quota-used": Said(
        "You have used all texts of this day. The count starts again at midnight (UTC).",
        "Vous avez utilisé tous les textes de ce jour. Le compte repart à minuit (UTC).",
    ),
    "text-too-long": Said(
        "This text is too long. Send the part that says what is done.",
        "Ce texte est trop long. Envoyez la partie qui dit ce qui est fait.",
    ),
    "no-model": Said(
        "There is no model yet: somebody has to register one in MLflow and give it the alias.",
        "Il n'y a pas encore de modèle : il faut en enregistrer un dans MLflow et lui donner"
        " l'alias.",
    ),
    "overloaded": Said(
        "The classifier has too much to do. Try again in a few seconds.",
        "Le classifieur a trop à faire. Réessayez dans quelques secondes.",
    ),
}


class NacePage(ServicePage):
    """A page that shows what the classifier's API answers."""

    service = "nace"
    prefix = NACE_PREFIX
    secret = "nace.secret"
    away = _AWAY

    def refused(self, status: int, body: Any) -> ServiceRefused:
        """In the reader's language where the classifier's words are known."""
        problem = body if isinstance(body, dict) else {}
        kind = str(problem.get("type", "")).rpartition(":")[2]
        if kind in _REFUSALS:
            return ServiceRefused(status, _REFUSALS[kind])
        if status >= 500:
            return ServiceRefused(503, _AWAY, str(problem.get("detail", "")))
        said = Said("The classifier refused this.", "Le classifieur a refusé cela.")
        return ServiceRefused(status, said, str(problem.get("detail", "")))
