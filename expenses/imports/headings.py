"""Recognize the columns of a bank's CSV file by their headings, English or German."""

import re
from collections.abc import Mapping, Sequence

from smartbudget.core.text import search_key

_IN_CURRENCY = r"( (in )?[a-z]{3})?"
# {meaning: patterns of headings without accents and punctuation, the best first}
_PATTERNS: Mapping[str, Sequence[str]] = {
    "date": (
        "buchungs?(tag|datum)|booking date|date booked|booked( on| at)?",
        "buchung|posting date|post(ed)? date|date posted|completed date",
        "trans(action)? date|date of transaction|umsatzdatum|transaktionsdatum",
        "datum|date|day|tag|kaufdatum|belegdatum",
        "date .*|datum .*|.* date|[a-z]*datum|started date|timestamp|created( on| at)?",
    ),
    "value_date": ("valuta ?(datum|tag)?|wertstellung(s(tag|datum))?|wert|value date",),
    "amount": (
        "signed amount",  # of an own export that a spreadsheet saved
        "betrag|amount|umsatz|buchungsbetrag|transaction amount",
        f"(betrag|amount|umsatz){_IN_CURRENCY}|betrag .*|amount .*",
        "[a-z]*betrag|.* amount|net|netto|total|summe|sum|value|price|preis",
    ),
    "debit": (
        f"(soll|debits?|belastung(en)?|lastschrift(en)?|abgang){_IN_CURRENCY}",
        f"(withdrawals?|ausgaben?|ausgang|auszahlung(en)?|spent){_IN_CURRENCY}",
        f"((paid|money) out|zahlungsausgang|withdrawal amt){_IN_CURRENCY}",
        f"(debit|withdrawal|soll) ?(amount|betrag){_IN_CURRENCY}",
    ),
    "credit": (
        f"(haben|credits?|gutschrift(en)?|zugang){_IN_CURRENCY}",
        f"(deposits?|einnahmen?|eingang|einzahlung(en)?|received){_IN_CURRENCY}",
        f"((paid|money) in|zahlungseingang|deposit amt){_IN_CURRENCY}",
        f"(credit|deposit|haben) ?(amount|betrag){_IN_CURRENCY}",
    ),
    "text": (
        "verwendungszweck.*|.*zweck|buchungstext|beschreibung|description|memo|text",
        "details?|narrative|particulars|betreff|.*reference|buchungsinformation(en)?",
        "(transaction|payment|booking) (details?|description|text)|vorgang|remarks?",
        "umsatztext|mitteilung|message|notes?|notiz|bemerkung|kommentar|comment",
        "original description|transaction|transaktion",
    ),
    "merchant": (
        "merchant( name)?|payee( name)?|handler|haendler|vendor|recipient( name)?",
        ".*empf(a|ae)nger.*|beg(u|ue)nstigter?.*|beneficiary.*",
        "name zahlungsbeteiligter?|zahlungsbeteiligter?|counter ?party( name)?",
        "partner( ?name)?|gegenpartei|auftraggeber.*|.*zahlungspflichtiger?.*|name",
    ),
    "id": (
        "fit ?id|(transaction|transaktions|umsatz|buchungs|booking|unique) ?id",
        "(transfer|transferwise|payment|zahlungs) ?id|transaktionscode",
        "(transaction|transaktions|umsatz|buchungs) ?(nr|nummer|number|code|reference)",
        "id|reference (number|no)|referenznummer|buchungsreferenz",
    ),
    "currency": (
        "wahrung|waehrung|whg|currency( code)?|ccy|(buchungs|konto)wa?e?hrung",
    ),
    "status": ("status|state|info|(buchungs|umsatz)status",),
    "account": (
        "auftragskonto|(iban|kontonummer) (des )?auftragskontos?|iban kontoinhaber",
        # Of some banks, the account of who was paid; see `csv_columns`.
        "account( number| no)?|konto(nummer)?",
    ),
    # The first one says whose account it is.
    "counterparty": (
        "(iban|konto|kontonummer|account) .*(empf(a|ae)nger|beg(u|ue)nstigt|partner"
        "|beteiligte|counter ?party|beneficiary|payee|recipient).*"
        "|.*(empf(a|ae)nger|beg(u|ue)nstigt|partner|beteiligte|gegen|counter ?party"
        "|beneficiary|payee|recipient)[a-z]* ?(iban|konto|kontonummer|account).*",
        "iban|kontonummer iban|iban (kontonummer|konto ?nr)|konto ?nr iban",
    ),
    # Of an account or of the bank, and never of a booking.
    "other": (
        ".*saldo.*|.*balance.*|.*kontostand.*|.*guthaben.*",
        ".*(original|foreign|fremd|ursprung|exchange|kurs).*|.*(fees?|gebuhr(en)?)",
        ".*(iban|bic|blz|swift|sort code|konto ?nr|account n).*",
        ".*(e ?mail|address|adresse|zeitzone|time ?zone).*",
    ),
}
_COMPILED = {
    meaning: [re.compile(pattern) for pattern in patterns]
    for meaning, patterns in _PATTERNS.items()
}


def rank(heading: str, meaning: str) -> int | None:
    """Return how well a heading has a meaning, from 0 for best; None if it has not."""
    plain = plain_heading(heading)
    if (
        meaning in {"amount", "merchant", "id", "date"}
        and _first(plain, "other") is not None
    ):
        return None
    return _first(plain, meaning)


def count_known(headings: Sequence[str]) -> int:
    """Return how many headings are known."""
    return sum(
        any(
            _first(plain_heading(heading), meaning) is not None for meaning in _COMPILED
        )
        for heading in headings
        if heading
    )


def plain_heading(heading: str) -> str:
    """Return a heading in lower case, without accents and punctuation."""
    return " ".join(re.sub(r"[\W_]+", " ", search_key(heading[:100])).split())


def _first(plain: str, meaning: str) -> int | None:
    for number, pattern in enumerate(_COMPILED[meaning]):
        if pattern.fullmatch(plain):
            return number
    return None
