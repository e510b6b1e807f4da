"""What callers' English is to VADER's lexicon, which was made from posts in social media. Pure.

Words go out of the lexicon that people say out of politeness, to answer, or because they name what the call is about: a
lost card is no mood. Turns of speech come in whose words have none by themselves.
"""

import re
from types import MappingProxyType

_ANSWERS = """
    agree agreed alright apologise apologize certain certainly cheers clear clearly dear definite definitely fine ha
    kindly no ok okay please pls plz sorry sure surely thank thanks thanx thx true ty welcome well yeah yep yes
"""

_MATTERS = """
    accept accepted accepts accident accidental accidentally accidents ache aches aching active adopt alarm alarms
    alert alive allergic allow alone angel anti appointed approval approve approved arrest arrested asset assets
    avoid await awaits axe bargain benefit benefits better blind block blocked blocking blocks bomb bonus broke
    broken cancel cancelled cancelling cancels cancer care cares challenge champion chance chances charged charges
    charm clean cleaner collision committed confused costly cramp crash credit credited credits critical cut cuts
    cutting damage damaged damages damaging danger dead death debit debt debtor debts defect defective defects delay
    delayed delays demand demands denied deny depressed detained die died dies difficulty dirt dirty discounted
    dispute disputed disputes dizzy drop dropped easier emergency empty engaged ensure error errors exclusive exempt
    expand expelled expose exposed extend extends fail failed failing fails failure failures faith fake fault faults
    faulty fire fired frankly fraud free funeral gift gifts grace growing hand hard help helper helping helps
    honestly hope hopefully hurt hurting hurts ill illness important infection injured injury interest interested
    interests join joy jury kind lack lacks lag leave like likes limitation limited lose loses losing loss losses
    lost low loyal loyalty luck lucky matter matters mercy miracle miss missed missing native natural noise noisy
    number opportunity original pain painful pains parties party pay penalties penalty play played poison popular
    postpone postponed postponing prepared prevent prevents prison prize prizes problem problems profit profits
    promise promised promises protect protected reach reached ready recommend refuse refused reject rejected rejects
    relief resign resigned resolve resolved respective restore restored restrict restricted retained reward rewards
    risk risks safe safely safety save saved saves secure secured security sentence serious seriously severe severed
    share shared shares shock short shortage shortages sick solid solution solve solved sore spam spark special
    spirit stable stall stalled steal stealing stolen stop stopped stopping stops straight strange stress stressed
    strike strong stuck sunshine support supported supports suspect suspects suspend suspended suspicious sweet
    tears theft tired top treasury treat trouble troubles true truly trust trusted tumor unable uncertain unclear
    undecided unsecured unsure urgent validate validated valuable value victim violence vision vital vitamin want
    war warn warned warning warnings weak weaker widowed wish withdrawal wreck
"""

TAKEN_OUT = frozenset((_ANSWERS + _MATTERS).split())

# Words that VADER's own raters found hardly any feeling in.
FAINT = 0.5

# A turn of speech, and what it counts for on VADER's scale of -4 to 4.
NEGATIVE, STRONG, POSITIVE = -2.2, -3.0, 2.2
_TURNS = (
    (STRONG, r"fed up|(?:sick|sick and tired|tired) of|sick to death"),
    (STRONG, r"shut up|screw you|go to hell|ripped? (?:me |us )?off|rip[- ]?off"),
    (NEGATIVE, r"(?:have|had|'ve) (?:really |just )?had (?:it|enough)|had enough|enough is enough"),
    (NEGATIVE, r"how many (?:more )?times|for the (?:last|umpteenth|hundredth) time|over and over"),
    (NEGATIVE, r"(?:third|fourth|fifth|sixth|tenth) time"),
    (NEGATIVE, r"(?:two|three|four|five|six|ten|several|so many|a hundred|many) times (?:already|now)"),
    (NEGATIVE, r"(?:waiting|waited|on hold) for (?:\w+ ){0,3}(?:minutes|hours?|days|weeks?|months?)"),
    (NEGATIVE, r"(?:nobody|no one|no-one) (?:ever |even )?(?:has |have )?"
               r"(?:calls?|called|answers?|answered|listens?|helps?|helped|cares?|picks?)"),
    (NEGATIVE, r"(?:are )?you (?:fucking |bloody |freaking )?kidding(?: me)?|is this (?:a|some kind of) joke"),
    (NEGATIVE, r"(?:a|complete|total|absolute|big) joke|a nightmare|a shambles|driving me (?:crazy|mad|nuts|insane)"),
    (NEGATIVE, r"(?:don't|dont|doesn't|doesnt) (?:even )?care|you people"),
    (NEGATIVE, r"what is wrong with you|what's wrong with you|what the hell|what the heck|why the hell"),
    (NEGATIVE, r"(?:stop|quit) (?:interrupting|talking|repeating|asking|lying)"),
    (NEGATIVE, r"(?:not|isn't|aren't|doesn't|didn't|don't) (?:been )?(?:help|helping)"),
    (NEGATIVE, r"keep(?:s)? (?:giving|asking|saying|telling|interrupting|repeating|hanging|transferring|putting)"),
    (POSITIVE, r"(?:so|very|really|too) kind|ma(?:de|kes) my day|life ?saver|works? perfectly"),
    (POSITIVE, r"(?:that was|so) (?:quick|fast|easy)"),
    # These mean nothing at all.
    (0.0, r"good (?:morning|afternoon|evening|day|night)|(?:i|we|you|he|she|they)(?:'d| would|d) (?:really )?"
          r"(?:love|like|prefer|be happy|be glad)(?: to)?"),
    (0.0, r"(?:the )?(?:best|good|right|perfect|great) (?:time|way|number|option|date|address|day)"),
    (0.0, r"(?:doctor|dr\.?|mr\.?|mrs\.?|ms\.?|mister|miss|professor) \w+|(?:my|the) name is \w+(?: \w+)?"),
    (0.0, r"no (?:problem|worries|trouble)|credit cards?|happy birthday|not bad|too bad"),
)  # fmt: skip

TURNS = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), f"turnofspeech{place}")
    for place, (_, pattern) in enumerate(_TURNS)
)

# Words of anger that are not in the lexicon, or that mean something else there.
_ADDED = {
    **dict.fromkeys(("garbage", "rubbish", "shambles", "disrespectful", "absurd", "incapable", "farce"), -2.0),
    **dict.fromkeys(("disgraceful", "idiots", "morons", "scammers", "crooks", "atrocious", "nightmare", "trash"), -2.5),
    **dict.fromkeys(("fucking", "asshole", "assholes"), -2.5),
    **dict.fromkeys(("unbelievable", "ignoring", "waste", "lied"), -2.0),
}

ADDED = MappingProxyType(
    {**_ADDED, **{token: valence for (_, token), (valence, _) in zip(TURNS, _TURNS, strict=True) if valence}}
)
