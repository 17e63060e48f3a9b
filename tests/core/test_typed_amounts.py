"""Amounts as users type and paste them."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartbudget.core import i18n, money
from smartbudget.core.errors import InvalidError
from smartbudget.core.typed_amounts import MAX_TERMS, typed_amount

amounts = st.decimals("0.01", "9999999", places=2)


def read(typed: str, currency: str = "USD", code: str = "en") -> Decimal:
    with i18n.override(code):
        return money.parse_amount(typed_amount(typed, currency), currency)


@pytest.mark.parametrize(
    ("currency", "typed"),
    [
        ("USD", "$12.50"),
        ("USD", "USD 12.50"),
        ("USD", "12.50usd"),
        ("USD", "US$\u00a012.50"),
        ("USD", "\uff0412.50"),
        ("EUR", "12,50 EUR"),
        ("EUR", "€ 12,50"),
        ("EUR", "12.50\u202f€"),
        ("GBP", "£12.50"),
        ("CAD", "$12.50"),
        ("CAD", "CA$12.50"),
        ("CHF", "CHF 12.50"),
        ("DKK", "kr. 12,50"),
        ("PLN", "12,50 zł"),
        ("ILS", "\u200f12.50\u00a0\u200f₪"),
        ("BRL", "R$ 12,50"),
        ("INR", "₹12.50"),
    ],
)
@pytest.mark.parametrize("code", i18n.LANGUAGES)
def test_the_accounts_currency_symbol_or_code_is_ignored(code, currency, typed):
    assert read(typed, currency, code) == Decimal("12.50")


@pytest.mark.parametrize(
    ("currency", "typed"),
    [("USD", "€12.50"), ("USD", "12.50 EUR"), ("USD", "CA$12"), ("CAD", "US$5")],
)
def test_another_currencys_symbol_is_rejected(currency, typed):
    with pytest.raises(InvalidError, match=f"Your currency is {currency}"):
        read(typed, currency)


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        ("en", "1,234.50"),
        ("en", "1'234.50"),
        ("en", "1\u2019234.50"),
        ("en", "1\u202f234.50"),
        ("en", "1 234,50"),
        ("en", "1.234,50"),
        ("de", "1.234,50"),
        ("de", "1,234.50"),
        ("de", "1'234.50"),
        ("de", "1 234,50"),
    ],
)
def test_thousands_separators_of_all_kinds_are_accepted(code, typed):
    assert read(typed, "USD", code) == Decimal("1234.50")


@pytest.mark.parametrize(
    "typed",
    [
        "12 50",
        "12,5",
        "1,2,3",
        "1.2.3",
        "(12)",
        "12 dollars",
        "1e3",
        "1_000",
        "12²",
        "½",
        "$",
        "5*",
        "*5",
        "12+",
        "12--3",
        "+-5",
        "1+x",
        "x+1",
        "0x12",
        "a1",
        "",
    ],
)
def test_unclear_input_is_rejected(typed):
    with pytest.raises(InvalidError):
        read(typed)


@pytest.mark.parametrize(
    ("code", "currency", "typed"),
    [
        ("en", "PKR", "Rs.500"),
        ("en", "SEK", "kr.50"),
        ("en", "SEK", "kr,50"),
        ("en", "TZS", "TSh.500"),
        ("en", "CLP", "$10.000"),
        ("en", "KRW", "10.000"),
        ("en", "VND", "100.000"),
        ("en", "JPY", "100.000"),
        ("en", "IDR", "Rp100.000"),
        ("en", "BRL", "R$ 1.500"),
        ("de", "EUR", "12,500"),
        ("de", "KRW", "10,000"),
        ("en", "USD", "1.234+1.766"),
        ("de", "EUR", "1,234+1,766"),
        ("en", "USD", "-1.000"),
    ],
)
def test_ambiguous_separators_are_rejected(code, currency, typed):
    with pytest.raises(InvalidError):
        read(typed, currency, code)


@pytest.mark.parametrize("typed", ["20+30-", "10+50.25-", "3*5-", "20-5-", "-5-"])
def test_an_unfinished_sum_is_refused(typed):
    with pytest.raises(InvalidError):
        read(typed)


@pytest.mark.parametrize("typed", ["2026-11-29", "2026-11", "2026\u201311\u201329"])
def test_a_date_is_refused(typed):
    with pytest.raises(InvalidError):
        read(typed)


@pytest.mark.parametrize(
    ("currency", "typed", "result"),
    [
        ("USD", "$.50", "0.50"),
        ("USD", "0.500", "0.5"),
        ("USD", "1.459*40", "58.36"),
        ("USD", "1,500", "1500"),
        ("USD", "1500-15", "1485"),
        ("USD", "2026 - 11", "2015"),
        ("KWD", "1.500", "1.5"),
        ("KWD", "1.500+1", "2.5"),
        ("KRW", "10,000", "10000"),
        ("DKK", "kr. 500", "500"),
    ],
)
def test_unambiguous_input_is_accepted(currency, typed, result):
    assert read(typed, currency) == Decimal(result)


@pytest.mark.parametrize("typed", ["-5", "12.50-", "\u22125", "$-5", "3-12", "5-5"])
def test_negative_amounts_stay_negative(typed):
    with pytest.raises(InvalidError):
        read(typed)


@pytest.mark.parametrize(
    ("typed", "result"),
    [
        ("12+3", "15"),
        ("$12.50 + $3", "15.50"),
        ("20 - 4.99", "15.01"),
        ("20\u22125", "15"),
        ("3*2.50", "7.50"),
        ("10+3×2.50-1", "16.50"),
        ("+5", "5"),
        ("0.1+0.2", "0.3"),
    ],
)
def test_numbers_are_added_up(typed, result):
    assert read(typed) == Decimal(result)


def test_the_number_of_summands_is_limited():
    assert read("+".join("1" * MAX_TERMS)) == MAX_TERMS
    with pytest.raises(InvalidError, match=f"{MAX_TERMS} numbers"):
        read("+".join("1" * (MAX_TERMS + 1)))


@given(amounts, amounts, st.integers(1, 9))
def test_a_sum_is_exact(one, two, three):
    assert read(f"{one}+{two}*{three}") == one + two * three


@given(amounts, st.sampled_from([*money.CURRENCIES]), st.sampled_from(["en", "de"]))
def test_displayed_amounts_can_be_pasted_back(amount, currency, code):
    places = money.CURRENCIES[currency]
    amount = max(round(amount, places), Decimal(1))
    with i18n.override(code):
        written = money.display(amount, currency)

        assert read(written, currency, code) == amount


@given(st.text(max_size=64), st.sampled_from(["en", "de"]))
def test_any_input_is_parsed_or_rejected(text, code):
    with contextlib.suppress(InvalidError):
        assert read(text, "EUR", code) > 0
