"""Whether a text is English, told by the small words that every sentence has. Pure.

It is no guess at which language a text has: it keeps a scorer that knows English words from reading others, for the
German `die`, the Spanish `no` or the French `terrible` would mean something to it. Words that are as common in another
language, such as `was`, `is`, `a` or `in`, count on neither side.
"""

import re

# A text of so few words may be English without any of its small words: "Absolutely useless."
FEW_WORDS = 3
_LAST_LATIN_LETTER = "\u024f"

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
# As in c'est, l'ho or qu'il.
_ELISION = re.compile(r"(?:[cdjlmnst]|qu|dell|nell|all|un)['\u2019].+")
_CONTRACTION = re.compile(r".*(?:n['\u2019]t|['\u2019](?:s|m|d|re|ve|ll))")

_ENGLISH = """
    i you your yours she it its they them their us our my mine myself yourself this that these those there here
    the and but because although while than then too very really just only even still already again ever never always
    to from with without about into onto under before after until during through against between for by at
    be been being are were have has having did does doing done can could should would may might must shall
    what which who whom whose when where why how not nothing nobody anybody somebody everybody anyone someone everyone
    something anything everything some any every each other another more most much many few both either neither
    get got getting give go going gone make made take took come came keep kept know think need wants wanted tell told
    said say says ask asked call called calling speak talk talking wait waiting please thanks thank yes yeah
    im ive dont doesnt didnt cant wont isnt wasnt youre thats whats
"""

_OTHERS = """
    das ist ich nicht sie und der ein eine einen einem wir mir mich dich ihr ihre mein meine auf mit von zu zum zur auch
    noch aber wie wo kann haben habe hast sind bitte danke schon sehr wirklich guten kein keine nein ja doch denn bei
    nach aus dem den dass wenn nur mal hier jetzt ganz viel vielen wird werden wurde
    het een niet ik je wij jij zijn maar ook voor naar nog wel dat dit deze heb heeft geen graag dank wil kan
    el la los las un una que de en por para se es mi tu su muy pero yo esto eso esta este gracias hola quiero tengo
    necesito puedo
    le les des une est et je il elle nous vous ils du au aux ce cette pas ne qui avec mais mon mes votre bonjour merci
    suis sur
    lo gli che di del della non sono ho ti ci questo questa molto grazie buongiorno vorrei anche
    os um uma isto isso foi obrigado obrigada muito eu meu minha
    och att det jag inte ikke jeg nie jest bardzo bu bir ve
"""


ENGLISH = frozenset(_ENGLISH.split())
OTHERS = frozenset(_OTHERS.split())


def is_english(text: str) -> bool:
    """Tell whether a text may be English; one without any letter may."""
    words = [word.lower() for word in _WORD.findall(text)]
    if _is_in_another_script(words):
        return False
    english, others = sum(map(_is_english, words)), sum(map(_is_of_others, words))
    return others <= english if english else not others and len(words) <= FEW_WORDS


def _is_in_another_script(words: list[str]) -> bool:
    letters = "".join(words)
    foreign = sum(letter > _LAST_LATIN_LETTER for letter in letters)
    return 2 * foreign > len(letters)


def _is_english(word: str) -> bool:
    return word in ENGLISH or _CONTRACTION.fullmatch(word) is not None


def _is_of_others(word: str) -> bool:
    return word in OTHERS or not word.replace("\u2019", "'").isascii() or _ELISION.fullmatch(word) is not None
