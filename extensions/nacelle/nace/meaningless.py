"""Recognises texts that say nothing about an activity, in four languages, and says why.

Whatever a classifier answers for such a text is a guess with a probability, so it is not asked.
"""

from __future__ import annotations

import re

from nacelle.nace.stopwords import STOP_WORDS

# As cleaned: lower case, no accents; 'n/a' is 'n a' and 'k. A.' is 'ka'.
_ENGLISH = """
same|same as above|as above|see above|as before|see before|see below|see attached|as stated|none
nothing|nil|no|n a|na|not applicable|not available|not known|not specified|not stated|unknown
don t know|do not know|dont know|no answer|no activity|no description|no reply|tbd|tba|tbc|todo
to be defined|to be determined|to be confirmed|other|others|various|miscellaneous|misc|test|testtest
lorem ipsum|empty|null|nan|undefined|missing
"""
_FRENCH = """
idem|id|idem ci dessus|idem que ci dessus|idem precedent|ci dessus|voir ci dessus|cf ci dessus
voir plus haut|voir annexe|voir statuts|cf statuts|voir kbis|cf kbis|cf supra|meme chose|la meme
meme activite|pareil|neant|rien|aucun|aucune|aucune activite|sans activite|sans objet|sans reponse
s o|non|non applicable|non renseigne|non renseignee|non communique|non communiquee|non precise
non precisee|non defini|non definie|non connu|non connue|inconnu|inconnue|je ne sais pas|ne sait pas
nsp|nr|nc|a preciser|a completer|a definir|a renseigner|vide|essai|ras|autre|autres|divers|diverses
"""
_GERMAN = """
dito|ditto|wie oben|siehe oben|so|s o|wie zuvor|wie vorher|siehe anlage|dasselbe|keine|keiner|keines
kein|keine angabe|keine angaben|ohne angabe|ohne angaben|ka|k a|oa|o a|keine tatigkeit|nichts
unbekannt|nicht bekannt|nicht zutreffend|entfallt|nein|weiss nicht|ich weiss nicht|leer|sonstige
sonstiges|andere|anderes|diverse|diverses|verschiedenes
"""
_ITALIAN = """
come sopra|vedi sopra|vedi allegato|cs|lo stesso|stesso|stessa|nessuno|nessuna|nessuna attivita
niente|nulla|sconosciuto|sconosciuta|non so|non lo so|non noto|non nota|non disponibile
non pertinente|non specificato|non specificata|nd|n d|da definire|prova|vuoto|altro|altri|altre
vario|vari|varie
"""
_FILLERS = """
xx|xxx|blabla|bla|abc|abcd|abcde|abcdef|toto|pippo
code|activity|activities|activite|activites|tatigkeit|tatigkeiten|attivita
"""
_PHRASES = frozenset(
    "|".join((_ENGLISH + _FRENCH + _GERMAN + _ITALIAN + _FILLERS).split("\n")).split("|")
)
_STOP_WORDS = frozenset().union(*STOP_WORDS.values())

_REPEATED = re.compile(r"(.{1,3})\1{2,}")
_ROWS = "qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn"
_SHORTEST_RUN = 4
_LONGEST_FILLER = 60


def why_meaningless(text: str, cleaned: str) -> str:
    """Why a text cannot be coded, as the end of a sentence ('it is empty'); '' where it can be."""
    if not cleaned:
        return "it has no letters" if text.strip() else "it is empty"
    if len(cleaned) == 1:
        return "it is one letter"
    if len(cleaned) > _LONGEST_FILLER:
        return ""
    if cleaned in _PHRASES:
        return "it says nothing about an activity"
    words = cleaned.split()
    if _REPEATED.fullmatch("".join(words)):
        return "it repeats the same letters"
    if all(word in _PHRASES or _is_typed_at_random(word) for word in words):
        return "it says nothing about an activity"
    if all(word in _STOP_WORDS for word in words):
        return "it has no word that says anything"
    return ""


def _is_typed_at_random(word: str) -> bool:
    if len(word) < _SHORTEST_RUN:
        return False
    return word in _ROWS or word[::-1] in _ROWS or bool(_REPEATED.fullmatch(word))
