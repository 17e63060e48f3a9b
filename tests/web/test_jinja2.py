"""The pages' templates: their filters, escaping, and names that no view passes."""

import datetime
import html
import re
from decimal import Decimal

import pytest
from django.template import engines
from django.urls import NoReverseMatch, reverse
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from smartbudget.web.converters import ItemIdConverter
from tests.builders import client_for, make_user

ENVIRONMENT = engines["jinja2"].env


def printed(source, **context):
    return engines["jinja2"].from_string(source).render(context)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.5", "USD", "$1,234.50"),
        ("1234", "JPY", "¥1,234"),
        ("0.125", "KWD", "KWD\u00a00.125"),
        ("-0.5", "EUR", "\u2212€0.50"),
    ],
)
def test_money_has_its_currencys_decimals(amount, currency, text):
    assert printed("{{ a|money(c) }}", a=Decimal(amount), c=currency) == text


@pytest.mark.parametrize("value", ["2026-11-02", datetime.date(2026, 11, 2)])
def test_a_date_is_written_out(value):
    assert printed("{{ d|day }}", d=value) == "Nov 2, 2026"


def test_a_time_is_shown_in_the_users_time_zone():
    at = "2026-11-22T23:30:00.000000+00:00"

    shown = printed("{{ at|moment(z) }}", at=at, z="Asia/Tokyo")
    assert shown == "Nov 23, 2026, 8:30\u202fAM"


def test_every_template_compiles():
    for name in ENVIRONMENT.list_templates():
        if not name.startswith("email/"):  # e-mails have an environment of their own
            ENVIRONMENT.get_template(name)


@pytest.mark.parametrize("source", ["{{ name }}", "{% if name.first %}x{% endif %}"])
def test_a_name_that_no_view_passes_is_an_error(source):
    with pytest.raises(UndefinedError):
        printed(source, nam={"first": "Ann"})


@pytest.mark.parametrize(
    "source",
    [
        "{{ typed }}",
        "{% trans %}{{ typed }}{% endtrans %}",
        '{{ gettext("%(name)s", name=typed) }}',
        "{{ typed|linebreaksbr }}",
    ],
)
def test_user_input_is_escaped(source):
    typed = "<b>&'\""

    shown = printed(source, typed=typed)

    assert html.unescape(shown) == typed
    assert not set("<>'\"") & set(shown)


@given(st.from_regex(ItemIdConverter.regex, fullmatch=True))
def test_the_path_of_an_item_is_what_django_resolves(item_id):
    name = "expenses:thumbnail"

    assert printed("{{ url(n, i) }}", n=name, i=item_id) == reverse(
        name, args=[item_id]
    )


@pytest.mark.parametrize("item_id", ["", "A" * 32, "0" * 31, "../" * 10 + "ab"])
def test_a_path_with_an_invalid_id_is_an_error(item_id):
    with pytest.raises(NoReverseMatch):
        printed('{{ url("expenses:edit", i) }}', i=item_id)


def test_all_forms_of_a_page_have_the_same_csrf_token(aws):
    page = client_for(make_user()).get("/").text

    tokens = re.findall('name="csrfmiddlewaretoken" value="(.*?)"', page)
    assert len(tokens) > 1
    assert len(set(tokens)) == 1
