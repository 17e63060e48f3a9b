"""Parse amounts as users type or paste them: `$1,234.50`, `12,50 €`, `12 + 3`."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from smartbudget.core import i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.money import CURRENCIES
from smartbudget.core.text import without_invisible

MAX_TERMS = 20  # in a calculation

# A number with an optional sign before or after it.
_TERM = re.compile(r"([^0-9]*)([0-9](?:[0-9.,' ]*[0-9])?)([^0-9]*)", re.ASCII)
_GROUPED = r"[1-9][0-9]{0,2}(?:%s[0-9]{2,3})*%s[0-9]{3}"  # in thousands, or lakhs
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_THREE = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_DATE = re.compile("(19|20)[0-9]{2}-(0[1-9]|1[0-2])(-[0-3][0-9])?")  # 2026-11-29
_MINUS = str.maketrans("\u2212\u2013\u00d7", "--*")
_APOSTROPHES = str.maketrans("\u2019\u02bc\u00b4", "'''")


def typed_amount(text: str, currency: str, field: str = "amount") -> str:
    """Return an amount typed by a user in the notation of `parse_amount`.

    The text may have the currency's sign or code, and calculate with `+`, `-` and `*`.
    It is parsed in the current language: `1.234,50` becomes `1234.50` in German. The
    decimal mark of another language is accepted if all decimals of the currency follow
    it. Any other text is returned unchanged, for `parse_amount` to reject.

    Raises InvalidError naming `field` for another currency's sign, for a date, and for
    a separator that could mark thousands or decimals.
    """
    plain = " ".join(without_invisible(text).translate(_MINUS).split())
    if re.fullmatch("[^-+*]*-", plain):  # accounting notation: 12.50-
        plain = f"-{plain.removesuffix('-')}"
    tokens = re.split(r"\s*([-+*])\s*", plain.translate(_APOSTROPHES))
    if not tokens[0] and len(tokens) > 1 and tokens[1] != "*":
        tokens = [f"{tokens[1]}{tokens[2]}", *tokens[3:]]
    numbers = [_read(term, currency, field) for term in tokens[::2]]
    # Raised here, since parse_amount might read the text as another amount.
    if _DATE.fullmatch(plain) or any(
        _is_ambiguous(number, numbers, tokens, currency) for number in numbers
    ):
        raise InvalidError(_("Enter an amount as a number."), field)
    if len(numbers) == 1:
        return numbers[0] if numbers[0] is not None else text
    if len(numbers) > MAX_TERMS:
        raise InvalidError(
            _("Enter at most {most} numbers.").format(most=MAX_TERMS), field
        )
    return _calculate(numbers, tokens[1::2]) or text


def _is_ambiguous(
    number: str | None,
    numbers: list[str | None],
    tokens: list[str],
    currency: str,
) -> bool:
    """Check whether a number could mean thousands or decimals: 10.000 as 10 or 10000.

    For a single amount with too many decimals, `parse_amount` has a better message; the
    decimals of several could add up to a valid sum. A factor may have more decimals.
    """
    places = CURRENCIES[currency]
    if number is None or places > 2 or "*" in tokens or not _THREE.fullmatch(number):
        return False
    return len(numbers) > 1 or Decimal(number) == round(Decimal(number), places)


def _calculate(numbers: Iterable[str | None], operators: Iterable[str]) -> str | None:
    """Calculate products, then their sum; return None if a number is invalid."""
    first, *others = numbers
    terms = [_decimal(first)]
    for operator, number in zip(operators, others, strict=True):
        value = _decimal(number)
        if value is None or terms[-1] is None:
            return None
        if operator == "*":
            terms[-1] *= value
        else:
            terms.append(-value if operator == "-" else value)
    return f"{sum(filter(None, terms), Decimal(0)):f}"


def _decimal(number: str | None) -> Decimal | None:
    if number is None or not _NUMBER.fullmatch(number.lstrip("+-")):
        return None
    return Decimal(number)


def _read(term: str, currency: str, field: str) -> str | None:
    """Return a number without its currency sign, for Decimal, or None if invalid."""
    minus = term[:1] if term[:1] in {"+", "-"} else ""
    match = _TERM.fullmatch(term.removeprefix(minus))
    if not match:
        return None
    before, number, after = match.groups()
    if before and before[-1] in ".," and not _is_own(before, currency):
        if before[-2:-1].isalpha():
            return None  # the dot of Rs.500, or the decimal point of USD.50
        before, number = before[:-1], f"{before[-1]}{number}"
    if after and after[0] in ".,":
        number, after = f"{number}{after[0]}", after[1:]
    for sign in (before, after):
        _reject_other_currency(sign, currency, field)
    if not all(_is_own(sign, currency) for sign in (before, after) if sign.strip()):
        return None
    plain = _without_grouping(number, CURRENCIES[currency])
    return None if plain is None else f"{minus}{plain}"


def _without_grouping(number: str, places: int) -> str | None:
    """Return a number with a decimal point only, or None if it is invalid.

    places: the decimals of its currency.
    """
    symbols = i18n.locale().number_symbols["latn"]
    point, group = symbols["decimal"], symbols["group"]
    units, has_point, decimals = number.partition(point)
    if re.fullmatch("[0-9]*", decimals):
        for mark in (group, "'", " "):
            if _is_grouped(units, mark):
                units = units.replace(mark, "")
        if re.fullmatch("[0-9]*", units):
            return f"{units}.{decimals}" if has_point else units
    return _in_other_language(number, point, group, places)


def _in_other_language(number: str, point: str, group: str, places: int) -> str | None:
    """Parse `12,50` in English, `12.50` and `1,234.50` in German, or return None."""
    units, mark, decimals = number.rpartition(group)
    if not mark:
        return None
    if group == "." and re.fullmatch("[0-9]*", units):
        return number  # as in programs, with any number of decimals
    if len(decimals) != places:
        return None
    for other in (point, "'", " "):
        if _is_grouped(units, other):
            return f"{units.replace(other, '')}.{decimals}"
    return f"{units}.{decimals}" if re.fullmatch("[0-9]*", units) else None


def _is_grouped(units: str, mark: str) -> bool:
    escaped = re.escape(mark)
    return re.fullmatch(_GROUPED % (escaped, escaped), units) is not None


def _is_own(sign: str, currency: str) -> bool:
    return _plain(sign) in signs_of(currency)


def _reject_other_currency(sign: str, currency: str, field: str) -> None:
    """Raise InvalidError for the sign or code of another currency."""
    sign = sign.strip()
    if not sign or _is_own(sign, currency):
        return
    is_code = sign.upper() in CURRENCIES
    if is_code or any(map(_is_sign, sign)):
        raise InvalidError(
            _("Your currency is {currency}. Leave out {sign}.").format(
                currency=currency, sign=sign
            ),
            field,
        )


def signs_of(currency: str) -> frozenset[str]:
    """Return the ways to write a currency: its code, and its local signs."""
    return _signs_in(currency, str(i18n.locale()))


@lru_cache(maxsize=512)
def _signs_in(currency: str, locale_name: str) -> frozenset[str]:
    # A currency's code begins with the code of its country, which uses the short sign.
    signs = {currency}
    for name in (locale_name, "en", f"und_{currency[:2]}"):
        try:
            locale = Locale.parse(name)
        except (UnknownLocaleError, ValueError):  # XOF, EUR: of several countries
            continue
        signs.add(locale.currency_symbols.get(currency, currency))
    # CA$ may also be written $, and $ as US$.
    short = {character for sign in signs for character in sign if _is_sign(character)}
    long = {f"{currency[:2]}{sign}" for sign in short}
    return frozenset(map(_plain, signs | short | long))


def _is_sign(character: str) -> bool:
    return unicodedata.category(character) == "Sc"


def _plain(sign: str) -> str:
    wide = unicodedata.normalize("NFKC", without_invisible(sign))
    return "".join(wide.split()).casefold()
