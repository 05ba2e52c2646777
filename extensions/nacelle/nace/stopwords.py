"""Words that say nothing about an activity, without accents, by language (ISO 639-1).

Words that can tell codes apart are no stop words: with and without (a driver), off (licence), it
(information technology), son (sound). What an apostrophe leaves (l', d', qu', 's) is.
"""

from __future__ import annotations

_ENGLISH = """
a an the and or of for in on at by to from into as is are be been being was were has have had
having did which who whom whose that this these those such its their they them there here he she
his her you your we our us i my me so than then also any all some each both either etc eg ie nec
about above after before between during per through upon s t
"""

_FRENCH = """
le la les l un une de des du d et ou au aux a en dans sur par pour que qui qu dont ce cet cette
ces sa ses leur leurs il elle ils elles on nous vous je tu se ne y est sont etre ete ont avoir
ainsi comme notamment lorsque si meme memes tout toute tous toutes quel quelle quels quelles
chez entre c j m n s t etc nca nda ex cela celui celle ceux celles
"""

_GERMAN = """
der die das den dem des ein eine einen einem einer eines und oder von vom zu zum zur im in ins an
am auf aus bei beim durch fur gegen nach uber um vor als wie so sowie auch dass da sich ist
sind war waren wird werden wurde wurden sein seine seiner ihr ihre ihrer ihren er sie es wir ich
man diese dieser diesem diesen dieses welche welcher jede jeder alle aller allem soweit dazu davon
dabei damit hierzu insbesondere bzw usw etc zb ua ae ang bis je d s
"""

_ITALIAN = """
il lo la i gli le l un uno una di a da in su per tra fra del dello della dei degli delle dell al
allo alla ai agli alle all dal dallo dalla dai dagli dalle dall nel nello nella nei negli nelle
nell sul sullo sulla sui sugli sulle sull e ed o od che chi cui si ne ci vi come anche se mi ti
sono essere ha hanno avere questo questa questi queste quello quella quelli
quelle suo sua suoi sue loro esso essa essi esse ogni tutti tutte nonche ecc nca d c s
"""

STOP_WORDS = {
    "en": frozenset(_ENGLISH.split()),
    "fr": frozenset(_FRENCH.split()),
    "de": frozenset(_GERMAN.split()),
    "it": frozenset(_ITALIAN.split()),
}
