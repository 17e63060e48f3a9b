"""Parse, format and compare amounts of money: Decimals in currency units."""

import copy
import functools
import re
from decimal import ROUND_DOWN, Decimal

from babel import numbers
from iso4217 import Currency

from smartbudget.core import i18n
from smartbudget.core.errors import InvalidError
from smartbudget.core.i18n import gettext as _
from smartbudget.core.i18n import ngettext

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})", re.ASCII)

_HUNDREDTH = Decimal("0.01")

DEFAULT_CURRENCY = "USD"

LIMIT = Decimal(10) ** 12  # amounts stay below this

# {code: decimals} of every currency in use. Precious metals have no exponent in ISO
# 4217, and two codes are reserved for tests and for no currency.
CURRENCIES: dict[str, int] = {
    currency.code: currency.exponent
    for currency in Currency
    if currency.exponent is not None and currency.code not in {"XTS", "XXX"}
}


def parse_amount(value: object, currency: str, field: str = "amount") -> Decimal:
    """Parse an amount above zero and below 10^12 with at most its currency's decimals.

    value: a str, int or Decimal. A float is rejected, since its decimals are inexact.

    Raises InvalidError naming `field`.
    """
    amount = _number(value, field)
    if amount <= 0:
        raise InvalidError(_("Amount must be above zero."), field)
    return _exact(amount, currency, field)


def parse_bound(value: object, currency: str, field: str) -> Decimal:
    """Parse a filter's minimum or maximum: as `parse_amount`, but zero is accepted.

    Raises InvalidError naming `field`.
    """
    amount = _number(value, field)
    if amount.is_signed():
        raise InvalidError(_("Amount can't be negative."), field)
    return _exact(amount, currency, field)


def _number(value: object, field: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidError(_("Enter an amount as a number."), field)
    # Decimal would also accept 1_000, NaN and digits of other scripts.
    if isinstance(value, str) and not _NUMBER.fullmatch(value := value.strip()):
        raise InvalidError(_("Enter an amount as a number."), field)
    amount = Decimal(value)
    if not amount.is_finite():
        raise InvalidError(_("Enter an amount as a number."), field)
    return amount


def _exact(amount: Decimal, currency: str, field: str) -> Decimal:
    if amount >= LIMIT:
        raise InvalidError(
            _("Amount must be below {limit}.").format(limit=_whole(LIMIT)), field
        )
    places = CURRENCIES[currency]
    exact = amount.quantize(Decimal(1).scaleb(-places))
    if exact != amount:
        raise InvalidError(
            ngettext(
                "{currency} amounts have at most {places} decimal.",
                "{currency} amounts have at most {places} decimals.",
                places,
            ).format(currency=currency, places=places),
            field,
        )
    return exact


def is_amount(value: object, amount: Decimal) -> bool:
    """Check whether a value, as a string or number, equals an amount."""
    if isinstance(value, str):
        value = value.strip()
        return bool(_NUMBER.fullmatch(value)) and Decimal(value) == amount
    return isinstance(value, int | Decimal) and value == amount


def format_amount(amount: Decimal, currency: str) -> str:
    """Format an amount with its currency's decimals, as in `12.50`.

    An amount stored in a currency with more decimals keeps all its decimals.
    """
    return f"{amount:.{_places(amount, currency)}f}"


def minor_units(amount: Decimal, currency: str) -> str:
    """Return an amount in its currency's smallest unit, as in `1250` for $12.50.

    Scripts add these up exactly. An amount stored in a currency with more decimals
    keeps them.
    """
    return format(amount.scaleb(CURRENCIES[currency]).normalize(), "f")


def display(amount: Decimal, currency: str) -> str:
    """Format an amount in the current language: `$1,234.50`.

    With the decimals of `format_amount`, since CLDR has fewer for some currencies.
    """
    before, after = _affixes(i18n.current(), currency, amount.is_signed())
    return f"{before}{_digits(amount, currency)}{after}"


def display_expense(amount: Decimal, currency: str) -> str:
    """Format an expense's stored amount: `$12.50`, or `+$12.50` of a refund."""
    sign = "+" if amount < 0 else ""
    return f"{sign}{display(abs(amount), currency)}"


def currency_sign(currency: str) -> str:
    """Return a currency's sign in the current language: `$`, or `CHF` without one."""
    return numbers.get_currency_symbol(currency, i18n.locale())


def write_number(amount: Decimal, currency: str) -> str:
    """Format an amount in the current language without its currency: `1,234.50`.

    With grouped digits, and the decimals of `format_amount`.
    """
    return "-" * amount.is_signed() + _digits(amount, currency)


def write_expense(amount: Decimal, currency: str) -> str:
    """Format a stored amount as `display_expense`, without its currency."""
    return "+" * amount.is_signed() + _digits(amount, currency)


def grouped(number: str | int) -> str:
    """Format plain digits in the current language, with their decimals: `1,234.50`."""
    return f"{Decimal(number):,f}".translate(_symbols(i18n.current()))


def editable(amount: Decimal, currency: str) -> str:
    """Format an amount for a form, in the current language: `1234.50`, `1234,50`."""
    point = i18n.locale().number_symbols["latn"]["decimal"]
    return format_amount(amount, currency).replace(".", point)


def percentage(part: Decimal, whole: Decimal) -> Decimal:
    """Return a share in percent with two decimals, rounded down; 0 if `whole` is 0.

    Rounding down means that 79.999 does not reach a threshold of 80. `i18n.percent`
    formats it for users.
    """
    if not whole:
        return Decimal("0.00")
    return (part * 100 / whole).quantize(_HUNDREDTH, ROUND_DOWN)


def _whole(number: Decimal) -> str:
    written: str = numbers.format_decimal(number, locale=i18n.locale())
    return written


@functools.cache
def _affixes(language: str, currency: str, is_negative: bool) -> tuple[str, str]:
    """Return the texts before and after the digits of an amount.

    language: the current one. Babel itself takes five times as long as `display`, and
    reports have thousands of amounts.
    """
    pattern = copy.copy(i18n.locale().currency_formats["standard"])
    pattern.frac_prec = (0, 0)
    zero = Decimal(0).copy_sign(Decimal(-1 if is_negative else 1))
    formatted: str = pattern.apply(
        zero, i18n.locale(), currency=currency, currency_digits=False
    )
    # CLDR puts a space between letters and digits, as in KWD 5.000; Babel does not.
    formatted = re.sub(r"([A-Z])(\d)", "\\1\u00a0\\2", formatted)
    # Babel writes a hyphen, which is shorter than the digits beside it.
    before, _, after = formatted.replace("-", "\u2212").partition("0")
    return before, after


def _digits(amount: Decimal, currency: str) -> str:
    """Format an amount without its sign, with grouped digits: `1,234.50`."""
    digits = f"{abs(amount):,.{_places(amount, currency)}f}"
    return digits.translate(_symbols(i18n.current()))


@functools.cache
def _symbols(language: str) -> dict[int, str]:
    """Return the table that translates the separators of Python to a language's.

    language: the current one. All languages of the application group by three digits.
    """
    symbols = i18n.locale().number_symbols["latn"]
    return {ord(","): symbols["group"], ord("."): symbols["decimal"]}


def _places(amount: Decimal, currency: str) -> int:
    """Return the number of decimals to format an amount with; see `format_amount`."""
    return max(CURRENCIES[currency], -int(amount.normalize().as_tuple().exponent))
