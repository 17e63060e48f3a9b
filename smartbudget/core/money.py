"""Money: `Decimal` in currency units, with the places its currency has."""

import re
from decimal import Decimal

from iso4217 import Currency

from smartbudget.core.errors import InvalidError

_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})", re.ASCII)

LIMIT = Decimal(10) ** 12  # amounts stay below this

# Code -> decimals, for every currency in which people can pay (precious metals and
# test codes have no exponent in ISO 4217).
CURRENCIES: dict[str, int] = {
    currency.code: currency.exponent
    for currency in Currency
    if currency.exponent is not None and currency.code not in {"XTS", "XXX"}
}


def parse_amount(value: object, currency: str, field: str = "amount") -> Decimal:
    """Read an amount above zero and below 10^12 with at most its currency's decimals.

    value: a str, int or Decimal. A float is refused: it has no exact decimals.

    Raises InvalidError naming `field`.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise InvalidError("Enter an amount as a number.", field)
    # Decimal alone would also take 1_000, NaN and digits of other scripts.
    if isinstance(value, str) and not _NUMBER.fullmatch(value := value.strip()):
        raise InvalidError("Enter an amount as a number.", field)
    amount = Decimal(value)
    if not amount.is_finite():
        raise InvalidError("Enter an amount as a number.", field)
    if amount <= 0:
        raise InvalidError("Amount must be above zero.", field)
    if amount >= LIMIT:
        raise InvalidError("Amount must be below 1,000,000,000,000.", field)
    places = CURRENCIES[currency]
    exact = amount.quantize(Decimal(1).scaleb(-places))
    if exact != amount:
        raise InvalidError(f"{currency} amounts have at most {places} decimals.", field)
    return exact


def format_amount(amount: Decimal, currency: str) -> str:
    """Write an amount with its currency's decimals and no more, as in `12.50`.

    An amount stored under a currency with more decimals keeps all of its own.
    """
    places = max(CURRENCIES[currency], -int(amount.normalize().as_tuple().exponent))
    return f"{amount:.{places}f}"


def display(amount: Decimal, currency: str) -> str:
    """Write an amount for people, as in `1,234.50 USD`."""
    whole, _, decimals = format_amount(amount, currency).partition(".")
    grouped = f"{int(whole):,}" if whole != "-0" else "-0"
    return f"{grouped}{'.' if decimals else ''}{decimals} {currency}"
