"""Why the cluster's API refused to make something for a session, in words: pure.

Numbered, each with a test of its number in tests/cluster_words/test_refusals.py; the first that
holds counts:

 1. A quota is exceeded: what is short of what (nacelle.cluster.quota).
 2. A policy or webhook of the office refused it: its own sentence, in a line.
 3. The environment is not well-formed for the API (422): an administrator's. Only the names of the
    fields are kept: their values may be a person's.
 4. A quota wants amounts that the environment does not state: an administrator's.
 5. A limit range: larger or smaller than one session may be.
 6. Pod Security: the environment asks for what the namespace forbids: an administrator's.
 7. The namespace is not there, or goes: an administrator's.
 8. The hub lacks a right, or its own login has ended: an administrator's.
 9. Too many requests, or the API failed or was not reached: again in a moment.
10. Anything else: the platform's fault.
"""

from __future__ import annotations

import re

from nacelle.cluster.amounts import in_cores, in_memory, read_quantity
from nacelle.cluster.demand import Reason, one_line
from nacelle.cluster.quota import explain_shortage, read_exceeded
from nacelle.language import Said

_LIMIT = re.compile(
    r"(?P<side>maximum|minimum) (?P<what>\S+) usage per (?P<kind>\S+) is (?P<bound>[0-9.]+\w*)"
)
_POLICY = re.compile(
    r"admission webhook \"[^\"]+\" denied the request(?P<webhook>.*)"
    r"|ValidatingAdmissionPolicy .*? denied request: (?P<policy>.*)",
    re.S,
)
_FIELDS = re.compile(r"\b(?:spec|metadata)(?:\.[A-Za-z]\w*|\[\d+\])+")
_TELL = Said(
    "Choose another environment, or tell an administrator.",
    "Choisissez un autre environnement, ou prévenez un administrateur.",
)


def is_over_quota(message: str) -> bool:
    """Whether a refusal is a quota's, which may yet leave room."""
    return "exceeded quota" in message


def is_forbidden(reason: str, message: str) -> bool:
    """Whether a controller's event says that a pod will never be let in."""
    return reason == "FailedCreate" and "forbidden" in message and not is_over_quota(message)


def explain_refusal(status: int, message: str) -> Reason:
    """Why the API answered with `status` and `message` to a request for a session."""
    if found := read_exceeded(message):
        reason = explain_shortage(found)
        return Reason(reason.code, reason.said, reason.status, one_line(message))
    if policy := _POLICY.search(message):
        told = one_line((policy["webhook"] or policy["policy"] or "").lstrip(": "), 200).rstrip(".")
        return Reason("policy", _policy(told), 403, one_line(message))
    if status == 422:
        fields = ", ".join(dict.fromkeys(_FIELDS.findall(message))) or "?"
        return _environment("environment", _INVALID, f"invalid: {one_line(fields)}")
    if "failed quota" in message or "insufficient quota to match these scopes" in message:
        return _environment("quota", _UNSTATED, message)
    if limit := _LIMIT.search(message):
        return Reason("limit", _limit(limit), 409, one_line(message))
    if "violates PodSecurity" in message:
        return _environment("security", _SECURITY, message)
    if re.search(r"namespaces? \"?\S+\"? (?:not found|because it is being terminated)", message):
        return Reason("namespace", _NAMESPACE, 503, one_line(message))
    if status in (401, 403):
        return Reason("rights", _RIGHTS, 500, one_line(message))
    if status in (0, 429) or status >= 500:
        return Reason("api", API_AWAY.said, 503, one_line(message))
    return Reason("platform", _PLATFORM, 500, one_line(message))


def _environment(code: str, what: Said, detail: str) -> Reason:
    said = Said(f"{what.en} {_TELL.en}", f"{what.fr} {_TELL.fr}")
    return Reason(code, said, 500, one_line(detail))


_INVALID = Said(
    "The cluster does not understand how this environment is described.",
    "Le cluster ne comprend pas la description de cet environnement.",
)
_UNSTATED = Said(
    "The quota of the sessions does not allow environments like this one.",
    "Le quota des sessions n'admet pas les environnements de ce genre.",
)
_SECURITY = Said(
    "This environment asks for more rights than the cluster gives to sessions.",
    "Cet environnement demande plus de droits que le cluster n'en donne aux sessions.",
)
_NAMESPACE = Said(
    "The place of the sessions on the cluster is missing. Tell an administrator.",
    "L'emplacement des sessions sur le cluster n'existe pas. Prévenez un administrateur.",
)
_RIGHTS = Said(
    "The platform may not start sessions on the cluster as it should. Tell an administrator.",
    "La plateforme n'a pas le droit de démarrer des sessions sur le cluster comme elle le devrait."
    " Prévenez un administrateur.",
)
_PLATFORM = Said(
    "The platform failed to start the session. Try again; if it happens again, tell an"
    " administrator the time.",
    "La plateforme n'a pas réussi à démarrer la session. Réessayez ; si cela se reproduit, donnez"
    " l'heure à un administrateur.",
)
API_AWAY = Reason(
    "api",
    Said(
        "The cluster does not answer as it should. Try again in a minute.",
        "Le cluster ne répond pas comme il le devrait. Réessayez dans une minute.",
    ),
    503,
)
PLATFORM = Reason("platform", _PLATFORM, 500)


def _limit(match: re.Match[str]) -> Said:
    amount = read_quantity(match["bound"])
    bound = in_cores(amount) if match["what"] == "cpu" else in_memory(amount)
    what = _THINGS.get(match["what"], Said(match["what"], match["what"]))
    most = match["side"] == "maximum"
    if match["kind"] == "PersistentVolumeClaim":
        return Said(
            f"The cluster allows volumes of {'at most' if most else 'at least'} {bound.en}; homes"
            " have another size. Tell an administrator.",
            f"Le cluster admet des volumes {'de' if most else 'à partir de'} {bound.fr}"
            f"{' au plus' if most else ''} ; les dossiers personnels ont une autre taille. Prévenez"
            " un administrateur.",
        )
    if most:
        return Said(
            f"One session may have {bound.en} of {what.en} at most here. Choose a smaller size.",
            f"Une session peut avoir ici au plus {bound.fr} de {what.fr}. Choisissez une taille"
            " plus petite.",
        )
    return Said(
        f"One session must ask for at least {bound.en} of {what.en} here. Choose a larger size.",
        f"Une session doit demander ici au moins {bound.fr} de {what.fr}. Choisissez une taille"
        " plus grande.",
    )


_THINGS = {"cpu": Said("processor", "processeur"), "memory": Said("memory", "mémoire")}


def _policy(told: str) -> Said:
    return Said(
        f"A rule of the cluster refused the session: {told or 'without a reason'}. {_TELL.en}",
        f"Une règle du cluster a refusé la session : {told or 'sans raison donnée'}. {_TELL.fr}",
    )
