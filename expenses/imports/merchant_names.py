"""The merchant in a booking's text, and the key that merchants are compared by."""

import re

from expenses.fields import MERCHANT
from smartbudget.core.text import search_key

_WORD = re.compile(r"\S+")
# Dates, times, and numbers of 4 digits or more, such as those of cards and receipts.
_NUMBER = re.compile(
    r"\d{1,4}[./-]\d{1,2}([./-]\d{0,4})?(T\S*)?|\d{1,2}:\d{2}(:\d{2})?"
    r"|[^\w]*[x*]*\d{4,}[^\w]*|[x*]+\d+|\S*\d{6,}\S*",
    re.IGNORECASE,
)
# What banks write around the name.
_LABELLED = re.compile(
    r"\b(?:orig co name|auftraggeber|empf(?:ä|ae)nger):\s*(\S.*?)\s*"
    r"(?:\b(?:orig id|kto/iban|buchungstext):.*)?$",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"^(?:debit|purchase authorized on|lastschrift / belastung)\s+", re.IGNORECASE
)
_PLACE = re.compile(r"(?<=[^:/\s])//[^/]+/[A-Z]{2}\b.*")  # REWE//Köln/DE
_EDGES = " \t,;:./*#|-"


def bare_name(text: str) -> str:
    """Return a text without what banks write around a merchant's name."""
    if labelled := _LABELLED.search(text):
        text = labelled[1]
    return _PLACE.sub("", _KIND.sub("", text)).strip()


def merchant_of(merchant: str, text: str) -> str:
    """Return the merchant that a file has, or that its text suggests.

    The text without numbers and dates, which differ in each booking.
    """
    name, text = (bare_name(" ".join(words.split())) for words in (merchant, text))
    if not name:
        words = [word for word in _WORD.findall(text) if not _NUMBER.fullmatch(word)]
        name = " ".join(words).strip(_EDGES) or text
    return name[: MERCHANT.max_length].strip()


def merchant_key(merchant: str, text: str = "") -> str:
    """Return the key that is equal for bookings of the same merchant."""
    return search_key(merchant_of("", merchant or text))
