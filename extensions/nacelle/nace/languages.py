"""Guesses the language of a short cleaned text: its words vote, unknown words by their letters."""

from __future__ import annotations

from collections.abc import Sequence

from nacelle.nace.stopwords import STOP_WORDS

LANGUAGES = ("en", "fr", "de", "it")
_CACHED_WORDS = 200_000
_CACHED_LENGTH = 40
# Votes of all languages are added in one number: 16 bits each hold 5,000 words of weight 8.
_BITS = 16
_MASK = (1 << _BITS) - 1
_FUNCTION_WORD = 6
_LONGEST_ENDING = 8

# Words of trade that vote like stop words; one that two languages share is said for both.
_WORDS = {
    "en": """with without not non other others no except excluding including own made use used sale
        new goods trade retail wholesale services service activities products manufacture machines
        machinery equipment agent commission supply base articles transport transports food wood
        system materials works construction repair rental home local hire it""",
    "fr": """avec sans non autre autres sous hors sauf compris exception commerce detail gros vente
        activites produits services service articles fabrication travaux machines bois materiel
        location base compte exemple transport transports metaux construction biens soins conseil
        magasin magasins vehicules personnes centres entretien hotels cafe sport sports culture
        gestion assurance collecte enseignement installation installations fruits legumes act""",
    "de": """mit ohne nicht andere anderen anderer sonstige sonstigen sonstiger sonstigem bau art
        handel waren herstellung betrieb anbau teile teilen holz metall haltung transport transports
        hotels cafe sport sports u v f m gh eh hv fd rep sonst verm ub ug ne""",
    "it": """con senza non altri altre altro altra salvo escluso commercio servizi prodotti attivita
        fabbricazione articoli dettaglio ingrosso produzione base sport""",
}

_ENDINGS = {
    "en": """ing ings ness ship ght ey ly ry ty gy hy ny my fy y ed th ck sh ll ss ee ew ow wn wers
        yers eers ware ths ers ors er or tion tions ation ations ment ments ance ances ence ive ives
        age ages al als ic ics ries ture tures able ables ble ure ures ice ices ine ines res le les
        ne nes te tes de des se ses ce ces cs ns ks ds gs ps ts ls ys ws hs ms ies ees
        ete ant ants ent ents ia k p b d g w f x""",
    "fr": """ique iques eur eurs euse euses eux aux eaux eau ette ettes erie eries iere ieres ier
        iers oir oirs oire oires aire aires ee ees ere eres isme ites ations ois age ages ance ances
        ent tion tions ation ment ments que ques elle elles nnes lles rs le les re res ves ives ive
        ure ures ture tures able ables ble ice ices ine ines ne nes te tes de des se ses ce ces ns
        ts ls ie ies al als ant ants ents iste istes e""",
    "de": """ung ungen heit heiten keit keiten schaft schaften handel handels erei ereien eien isch
        ische ischen ischer lich lichen licher stoff stoffe stoffen werk werke werken zeug zeuge
        zeugen maschine geraten tz cht rn ln en er ern ig igen iges au eim uch ahl bau ohl ionen
        ten uck alen aft heime salons buros dustrie gewerbe vereine stelle stellen ik gut anten
        enten toren ag ing aren rk tt hn hl rt st ft lt nt ff pf mm schule schulen waren glas druck
        wein dienst dienste institut institute verkehr kation""",
    "it": """zione zioni sione sioni aggio aggi mento menti ezza ezze ismo ista isti iere ieri ale
        ali ile ili ivo ivi iva ico ici ica iche io o a i ura ita ore ori ate ati tura nte nti one
        oni""",
}


def guess_language(cleaned: str, allowed: Sequence[str] = LANGUAGES) -> str:
    """The likeliest language of a cleaned text among `allowed`; a tie goes to the first of them."""
    if len(allowed) == 1:
        return allowed[0]
    votes = sum([_VOTES[word] for word in cleaned.split()])
    return max(allowed, key=lambda language: votes >> _SHIFTS[language] & _MASK)


_SHIFTS = {language: position * _BITS for position, language in enumerate(LANGUAGES)}


class _Votes(dict[str, int]):
    """Votes of each word met; emptied when full, so that memory is bounded."""

    def __missing__(self, word: str) -> int:
        votes = _vote(word)
        if len(self) >= _CACHED_WORDS:
            self.clear()
        if len(word) <= _CACHED_LENGTH:
            self[word] = votes
        return votes


def _vote(word: str) -> int:
    known = [language for language in LANGUAGES if word in _KNOWN[language]]
    if known:
        return sum(_FUNCTION_WORD << _SHIFTS[language] for language in known)
    return sum(_ending(word, language) << _SHIFTS[language] for language in LANGUAGES)


def _ending(word: str, language: str) -> int:
    """Length of the longest telling ending."""
    endings = _ENDING_SETS[language]
    longest = min(_LONGEST_ENDING, len(word) - 1)
    return next((size for size in range(longest, 0, -1) if word[-size:] in endings), 0)


_KNOWN = {language: STOP_WORDS[language] | set(_WORDS[language].split()) for language in LANGUAGES}
_ENDING_SETS = {language: frozenset(_ENDINGS[language].split()) for language in LANGUAGES}
_VOTES = _Votes()
