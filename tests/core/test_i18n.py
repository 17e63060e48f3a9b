"""Languages: translations and the formats of dates and amounts."""

import copy
import datetime
import re
import threading
from decimal import Decimal

import pytest
from babel import Locale, dates
from hypothesis import given
from hypothesis import strategies as st

from smartbudget.core import i18n, money
from smartbudget.core.typed_amounts import typed_amount

languages = st.sampled_from([*i18n.LANGUAGES])

DAY = datetime.date(2026, 11, 5)


@pytest.mark.parametrize(
    ("code", "day", "long_day", "month", "clock"),
    [
        ("en", "Nov 5, 2026", "November 5, 2026", "November 2026", "4:05\u202fPM"),
        ("en-gb", "5 Nov 2026", "5 November 2026", "November 2026", "16:05"),
        ("de", "05.11.2026", "5. November 2026", "November 2026", "16:05"),
    ],
)
def test_dates_follow_the_language(code, day, long_day, month, clock):
    with i18n.override(code):
        assert i18n.day(DAY) == day
        assert i18n.long_day(DAY) == long_day
        assert i18n.month(DAY) == month
        assert i18n.clock(datetime.time(16, 5)) == clock


def test_quotation_marks_follow_the_language():
    assert i18n.quoted("Rent") == "“Rent”"
    with i18n.override("de"):
        assert i18n.quoted("Miete") == "„Miete“"


@pytest.mark.parametrize(
    ("code", "currency", "written"),
    [
        ("en", "USD", "$1,234.50"),
        ("en", "JPY", "¥1,234.5"),  # stored in a currency with decimals
        ("en", "KWD", "KWD\u00a01,234.500"),
        ("en-gb", "GBP", "£1,234.50"),
        ("de", "EUR", "1.234,50\u00a0€"),
        ("de", "KWD", "1.234,500\u00a0KWD"),
    ],
)
def test_amounts_follow_the_language(code, currency, written):
    with i18n.override(code):
        assert money.display(Decimal("1234.5"), currency) == written


@pytest.mark.parametrize(
    ("code", "amount", "displayed", "written"),
    [
        ("en", "-1234.5", "+$1,234.50", "+1,234.50"),
        ("en", "1234.5", "$1,234.50", "1,234.50"),
        ("de", "-0.01", "+0,01\u00a0$", "+0,01"),
    ],
)
def test_a_refund_has_a_plus_sign(code, amount, displayed, written):
    with i18n.override(code):
        assert money.display_expense(Decimal(amount), "USD") == displayed
        assert money.write_expense(Decimal(amount), "USD") == written


@given(
    amount=st.decimals(-(10**15), 10**15, places=6) | st.just(Decimal("-0.00")),
    places=st.integers(0, 6),
    currency=st.sampled_from([*money.CURRENCIES]),
    code=languages,
)
def test_amounts_are_written_as_babel_does(amount, places, currency, code):
    amount = round(amount, places)
    own_places = -amount.normalize().as_tuple().exponent
    decimals = max(own_places, money.CURRENCIES[currency])
    locale = Locale.parse(i18n._LOCALES[code])
    pattern = copy.copy(locale.currency_formats["standard"])
    number = copy.copy(locale.decimal_formats[None])
    pattern.frac_prec = number.frac_prec = (decimals, decimals)

    with i18n.override(code):
        displayed = money.display(amount, currency)
        written = money.write_number(amount, currency)

    formatted = pattern.apply(amount, locale, currency=currency, currency_digits=False)
    formatted = formatted.replace("-", "\u2212")  # the minus sign, which Babel lacks
    assert displayed == re.sub(r"([A-Z])(\d)", "\\1\u00a0\\2", formatted)
    assert written == number.apply(amount, locale)


@given(st.datetimes(), st.integers(-(10**6), 10**6), languages)
def test_cached_formats_do_not_differ(local, points, code):
    with i18n.override(code):
        for function in (i18n.day, i18n.day_of_month, i18n.month, i18n.short_month):
            assert function(local.date()) == function.__wrapped__(local.date())
        assert i18n.clock(local) == dates.format_time(
            local, "short", locale=i18n.locale()
        )
        assert i18n.percent(points) == i18n._percent.__wrapped__(points)


@pytest.mark.parametrize(
    ("code", "typed", "read"),
    [
        ("en", "1,234.50", "1234.50"),
        ("en", " 12.5 ", "12.5"),
        ("de", "1.234,50", "1234.50"),
        ("de", "1.234", "1234"),
        ("de", "12,5", "12.5"),
        ("de", "12.50", "12.50"),
        ("de", "1 000,00", "1000.00"),
        ("de", "-5", "-5"),
    ],
)
def test_an_amount_is_parsed_in_the_languages_format(code, typed, read):
    with i18n.override(code):
        assert typed_amount(typed, "USD") == read


@pytest.mark.parametrize(
    ("code", "typed"), [("en", "12,5"), ("de", "1,234.5"), ("de", "1,2,3")]
)
def test_an_ambiguous_amount_is_rejected(code, typed):
    with i18n.override(code), pytest.raises(money.InvalidError):
        money.parse_amount(typed_amount(typed, "USD"), "USD")


@pytest.mark.parametrize("code", i18n.LANGUAGES)
def test_a_formatted_amount_parses_to_the_same_value(code):
    with i18n.override(code):
        text = money.editable(Decimal("1234567.8"), "USD")

        assert money.parse_amount(typed_amount(text, "USD"), "USD") == Decimal(
            "1234567.8"
        )


def test_an_unknown_language_falls_back_to_english():
    with i18n.override("tlh"):
        assert i18n.current() == "en"


def test_the_language_is_per_thread():
    heard = []
    with i18n.override("de"):
        thread = threading.Thread(target=lambda: heard.append(i18n.current()))
        thread.start()
        thread.join()

    assert heard == ["en"]


@pytest.mark.parametrize(
    ("points", "english", "german"),
    [
        ("0", "0%", "0 %"),
        ("0.01", "<1%", "<1 %"),
        ("1", "1%", "1 %"),
        ("79.99", "79%", "79 %"),
        ("80.00", "80%", "80 %"),
        ("99.99", "99%", "99 %"),
        ("100.00", "100%", "100 %"),
        ("112.41", "112%", "112 %"),
        ("1234.99", "1,234%", "1.234 %"),
        ("-18.90", "-18%", "-18 %"),
    ],
)
def test_a_percentage_is_an_integer_and_is_never_rounded_up_to_a_level(
    points, english, german
):
    assert i18n.percent(Decimal(points)) == english
    with i18n.override("de"):
        assert i18n.percent(Decimal(points)).replace("\u00a0", " ") == german


@pytest.mark.parametrize(
    ("part", "total", "percentage"),
    [
        ("2", "3", "66.66"),
        ("99999.99", "100000", "99.99"),
        ("5", "0", "0.00"),
        ("-2", "3", "-66.66"),
    ],
)
def test_a_share_has_two_decimals_and_is_rounded_towards_zero(part, total, percentage):
    assert str(money.percentage(Decimal(part), Decimal(total))) == percentage
