"""API input: exact numbers, known fields, valid texts and dates."""

import gzip

import pytest

from tests.builders import client_for
from tests.problems import messages_of, problem

pytestmark = pytest.mark.urls("tests.web.urls")


AT = "2026, 11, 24, 8, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC')"


def send(body, content_type="application/json"):
    return client_for().post("/api/echo", body, content_type=content_type)


@pytest.mark.parametrize("amount", ["12.10", '"12.10"', '" 12.10 "', "1210e-2"])
def test_decimals_stay_exact(amount):
    answer = send(f'{{"amount": {amount}}}')

    assert answer.json() == {"amount": "Decimal('12.10')"}


def test_a_long_number_keeps_all_digits():
    answer = send('{"amount": 99999999999999999999.99}')

    assert answer.json() == {"amount": "Decimal('99999999999999999999.99')"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[1]",
        '"text"',
        "null",
        '{"amount": NaN}',
        '{"amount": Infinity}',
        '{"amount": -Infinity}',
        '{"amount": 1, "amount": 2}',
        '{"amount": 1e99999999999999999999}',
        "[" * 20_000,
        '{"a":' * 20_000,
        '{"number": ' + "9" * 5000 + "}",
        b'{"text": "\xff"}',
        '{"\\ud800": 1}',
        '{"text": {"\\ud800": 1}}',
        '\ufeff{"text": "a"}',
    ],
)
def test_a_body_other_than_a_json_object_is_rejected(body):
    answer = send(body)

    assert answer.status_code == 400 or body == ""
    assert body == "" or problem(answer)["code"] == "parse_error"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", ["null", "true", "[]", "{}", '""', '"1_0"', '"1,5"', '"nan"']),
        ("amount", ['"0x10"', '"\u0661"', '"' + "9" * 65 + '"', '"1e3"', "1e99999"]),
        ("date", ["null", "20260101", '"2026-02-30"', '"2026-1-1"', '"20260101"']),
        ("date", ['"2026-01-01T00:00"', '"tomorrow"', "[]"]),
        ("flag", ["null", "1", "0", '"yes"', '"true"', "[]"]),
        ("number", ["null", "true", "1.5", '"x"', '"5"', "[]"]),
        ("at", ["null", "5", '"2026-11-24"', '"2026-11-24T10:00:00"']),
        ("at", ['"2026-11-24 10:00:00Z"', '"2026-02-30T10:00:00Z"', '"now"']),
        ("text", ["null", "5", "1.5", "true", "[]", "{}", '""', '"  "', '"123456"']),
        ("text", ['"a\\u0000"', '"a\\nb"', '"\\ud800"', '"a\\u0085b"']),
        ("text", ['" 1234 "']),  # spaces count towards the limit of five
        ("id", ["null", "5", "1" * 31, '"x"', '""', f'"{"A" * 32}"', f'"{"0" * 33}"']),
        ("short", ['"      "']),
        ("note", ["5", '"a\\u0000"', '"\\udfff"']),
    ],
)
def test_an_invalid_value_is_reported_on_its_field(field, values):
    for value in values:
        answer = send(f'{{"{field}": {value}}}')

        assert (value, answer.status_code) == (value, 400)
        assert (value, list(messages_of(answer))) == (value, [field])


@pytest.mark.parametrize(
    ("body", "understood"),
    [
        ('{"text": " a\U0001f511é "}', {"text": "'a\U0001f511é'"}),
        ('{"note": "a\\nb"}', {"note": "'a\\nb'"}),
        ('{"note": ""}', {"note": "''"}),
        ('{"flag": true}', {"flag": "True"}),
        ('{"flag": false}', {"flag": "False"}),
        ('{"date": "2024-02-29"}', {"date": "datetime.date(2024, 2, 29)"}),
        ('{"number": 5}', {"number": "5"}),
        ('{"at": "2026-11-24T10:00:00+02:00"}', {"at": f"datetime.datetime({AT})"}),
        ('{"at": "2026-11-24t08:00:00z"}', {"at": f"datetime.datetime({AT})"}),
        ("{}", {}),
    ],
)
def test_a_valid_value_is_parsed(body, understood):
    assert send(body).json() == understood


def test_errors_are_in_the_language_of_each_request():
    """A process keeps its serializers, and DRF's messages their first language."""

    def message(language):
        answer = client_for().post(
            "/api/echo",
            {"number": 10},
            content_type="application/json",
            headers={"Accept-Language": language},
        )
        return answer.json()["errors"][0]["detail"]

    english, german = message("en"), message("de")

    assert english != german
    assert (message("en"), message("de")) == (english, german)


def test_unknown_fields_are_named_along_with_other_errors():
    answer = send('{"color": 1, "user_id": "x", "flag": 5}')

    assert messages_of(answer) == {
        "color": ["Unknown field."],
        "user_id": ["Unknown field."],
        "flag": ["Enter true or false."],
    }


def test_a_body_with_content_encoding_is_rejected():
    packed = gzip.compress(b'{"flag": true}')
    for body, encoding in ((packed, "gzip"), ('{"flag": true}', "gzip")):
        answer = client_for().post(
            "/api/echo",
            body,
            content_type="application/json",
            headers={"Content-Encoding": encoding},
        )
        assert answer.status_code == 415
        assert "Content-Encoding" in problem(answer)["detail"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "x", "application/x-www-form-urlencoded"],
)
def test_other_content_types_are_rejected(content_type):
    assert send("{}", content_type).status_code == 415
