"""The way to the office's login and back, with words where it breaks off."""

from __future__ import annotations

from typing import Any

from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler
from tornado import web

from nacelle.hub.oidc_tokens import make_nonce
from nacelle.language import Said


def refusal(status: int, said: Said) -> web.HTTPError:
    """A page of that status which says `said`."""
    error = web.HTTPError(status, said.en)
    error.jupyterhub_message = said  # type: ignore[attr-defined]
    return error


BEGIN_AGAIN = Said(
    "This login cannot be finished: it was begun in another window, took too long or was used"
    " already. Log in again.",
    "Cette connexion ne peut pas aboutir : elle a été commencée dans une autre fenêtre, a duré trop"
    " longtemps ou a déjà servi. Reconnectez-vous.",
)
GIVEN_UP = Said(
    "The office's login service did not let you through, or the login was given up there. Log in"
    " again; if you are refused again, ask an administrator of that service.",
    "Le service de connexion de l'organisme ne vous a pas laissé passer, ou la connexion y a été"
    " abandonnée. Reconnectez-vous ; en cas de nouveau refus, adressez-vous à un administrateur de"
    " ce service.",
)


def away(service: str) -> web.HTTPError:
    """The page for a login whose provider fails."""
    return refusal(
        503,
        Said(
            f"The login service {service} does not answer as it should, so nobody can log in just"
            " now. Whoever is logged in goes on working. Try again in a few minutes; if it lasts,"
            " tell an administrator.",
            f"Le service de connexion {service} ne répond pas comme il devrait : personne ne peut"
            " se connecter pour l'instant. Les personnes déjà connectées continuent à travailler."
            " Réessayez dans quelques minutes ; si cela dure, prévenez un administrateur.",
        ),
    )


def not_allowed(name: str) -> web.HTTPError:
    """The page for somebody whom the provider knows and the settings do not let in."""
    return refusal(
        403,
        Said(
            f"You are logged in as {name}, who may not use this platform. Ask an administrator for"
            " membership in one of the groups that may.",
            f"Vous êtes connecté en tant que {name}, qui ne peut pas utiliser cette plateforme."
            " Demandez à un administrateur à faire partie d'un des groupes qui le peuvent.",
        ),
    )


def unusable(why: str) -> web.HTTPError:
    """The page for somebody whose name at the provider can be none here."""
    return refusal(
        403,
        Said(
            f"Your name at the login service cannot be used here: {why} Ask an administrator.",
            f"Votre nom auprès du service de connexion ne peut pas servir ici ({why})."
            " Adressez-vous à un administrateur.",
        ),
    )


def taken(name: str) -> web.HTTPError:
    """The page for a name that belongs to another account of the provider."""
    return refusal(
        403,
        Said(
            f"The name {name} belongs to another account here, from an earlier login. Ask an"
            " administrator: either your name at the login service has to change, or the earlier"
            " person's files are put away and they are removed on the page Administration.",
            f"Le nom {name} appartient ici à un autre compte, d'une connexion antérieure."
            " Adressez-vous à un administrateur : soit votre nom auprès du service de connexion"
            " doit changer, soit les fichiers de l'ancienne personne sont mis de côté et elle est"
            " retirée sur la page Administration.",
        ),
    )


class LoginHandler(OAuthLoginHandler):  # type: ignore[misc]
    """/hub/oauth_login: leaves for the provider."""

    _verifier = ""

    async def get(self) -> None:
        await self.authenticator.find_provider()
        super().get()

    def _generate_pkce_params(self) -> tuple[str, str]:
        self._verifier, challenge = super()._generate_pkce_params()
        return self._verifier, challenge

    def authorize_redirect(self, *args: Any, extra_params: dict[str, Any], **kwargs: Any) -> None:
        """Leave, with the nonce that OpenID Connect asks for beside PKCE."""
        more = {**extra_params, "nonce": make_nonce(self._verifier)}
        super().authorize_redirect(*args, extra_params=more, **kwargs)


class CallbackHandler(OAuthCallbackHandler):  # type: ignore[misc]
    """/hub/oauth_callback: comes back from there."""

    def check_error(self) -> None:
        # What stands in the address may be written by anybody: it is not repeated.
        if self.get_argument("error", ""):
            raise refusal(403, GIVEN_UP)

    def check_code(self) -> None:
        if not self.get_argument("code", ""):
            raise refusal(400, BEGIN_AGAIN)

    def check_state(self) -> None:
        try:
            super().check_state()
        except web.HTTPError:
            raise refusal(400, BEGIN_AGAIN) from None
