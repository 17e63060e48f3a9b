"""Template filters for money, dates and times."""

import datetime
from decimal import Decimal

import pytest
from django.template import engines


def printed(source, **context):
    template = engines["django"].from_string("{% load planner %}" + source)
    return template.render(context)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.5", "USD", "$1,234.50"),
        ("1234", "JPY", "¥1,234"),
        ("0.125", "KWD", "KWD\u00a00.125"),
        ("-0.5", "EUR", "-€0.50"),
    ],
)
def test_money_has_its_currencys_decimals(amount, currency, text):
    assert printed("{{ a|money:c }}", a=Decimal(amount), c=currency) == text


@pytest.mark.parametrize("value", ["2026-11-02", datetime.date(2026, 11, 2)])
def test_a_date_is_written_out(value):
    assert printed("{{ d|day }}", d=value) == "Nov 2, 2026"


def test_a_time_is_shown_in_the_users_time_zone():
    at = "2026-11-22T23:30:00.000000+00:00"

    text = printed("{{ at|moment:z }}", at=at, z="Asia/Tokyo")
    assert text == "Nov 23, 2026, 8:30\u202fAM"
