"""Registration: valid and invalid fields, unique names."""

import threading

import pytest
from pynamodb.exceptions import TransactWriteError

from accounts import passwords, services, sessions, validators
from accounts.models import Account, UniqueName
from notifications.kinds import OPT_IN_KINDS
from smartbudget.core.dynamodb import is_outage
from smartbudget.core.errors import ConflictError, InvalidError, ThrottledError
from smartbudget.core.throttling import Limit
from tests.builders import PASSWORD, account_of, make_user
from tests.notifications.faults import down, reply_lost

BOB = {"username": "bob", "email": "bob@example.com", "password": PASSWORD}


def refused_field(**changes):
    with pytest.raises(InvalidError) as caught:
        services.register(**{**BOB, **changes})
    return caught.value.field


def test_username_and_e_mail_are_stored_in_lower_case(aws):
    login = services.register(
        username="Bob.The-Builder_1", email="Bob+x@Example.COM", password=PASSWORD
    )

    assert login.user.username == "bob.the-builder_1"
    assert login.user.email == "bob+x@example.com"


def test_a_new_account_has_sensible_defaults(aws):
    account = account_of(make_user())

    assert (account.currency, account.time_zone) == ("USD", "UTC")
    assert account.large_expense_threshold is None
    wanted = account.email_preferences
    assert {kind for kind in wanted if not wanted[kind]} == set(OPT_IN_KINDS)


def test_passwords_are_hashed_at_full_cost_outside_tests(cheap_passwords):
    real_hasher = cheap_passwords

    encoded = real_hasher().hash("correct horse battery")

    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_registering_logs_in(aws):
    login = services.register(**BOB)

    assert sessions.find_session(login.session_key) == login.user


@pytest.mark.parametrize("name", ["abc", "a" * 30, "0.0", "a-_"])
def test_valid_usernames(name):
    assert validators.username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 31,
        "a b c",
        "bob@home",
        "bób",
        "bob\n1",
        "bob\x00",
        "\u212aelvin",
        5,
    ],
)
def test_invalid_usernames(name):
    assert refused_field(username=name) == "username"


LONGEST_DOMAIN = ".".join(["d" * 61, "d" * 61, "d" * 61, "com"])  # 189 characters


@pytest.mark.parametrize(
    "email",
    [
        "a@b.co",
        "o'neil+tag@sub.example-1.com",
        "x" * 64 + "@" + LONGEST_DOMAIN,  # 254
        "a@xn--bcher-kva.example",
    ],
)
def test_valid_e_mail_addresses(email):
    assert validators.email(email) == email


@pytest.mark.parametrize(
    "email",
    [
        "",
        "bob",
        "bob@",
        "@example.com",
        "bob@localhost",
        "bob@example..com",
        "bob@-example.com",
        "bob@127.0.0.1",
        ".bob@example.com",
        "bo..b@example.com",
        "bob@exa mple.com",
        "bob@example.com\r\nBcc: eve@example.com",
        "bób@example.com",
        "bob@bücher.example",
        "a@b@example.com",
        "x" * 65 + "@example.com",
        "x" * 64 + "@" + LONGEST_DOMAIN + "m",
        None,
    ],
)
def test_invalid_e_mail_addresses(email):
    assert refused_field(email=email) == "email"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (None, None),
        ("", None),
        ("12345", "12345"),
        ("+49 (30) 1234-56", "+49 (30) 1234-56"),
        ("1" * 20, "1" * 20),
    ],
)
def test_valid_phone_numbers(typed, stored):
    assert validators.phone_number(typed) == stored


@pytest.mark.parametrize("number", ["1234", "1" * 21, "12345x", "+----", "١٢٣٤٥"])
def test_invalid_phone_numbers(number):
    assert refused_field(phone_number=number) == "phone_number"


@pytest.mark.parametrize(
    "password",
    ["8lettres", "x" * 128, "  päß wört  ", "🔑" * 8, "bob likes smart budgets"],
)
def test_valid_passwords(aws, password):
    services.register(**{**BOB, "password": password})

    assert services.log_in(identifier="bob", password=password, address="::1")


@pytest.mark.parametrize(
    "password",
    [
        "7letter",
        "x" * 129,
        "password",
        "PassWord",
        "bob@example.com",
        "BOB@Example.com",
        "tab\tcharacter",
        "surrogate\ud800",
        12345678,
    ],
)
def test_invalid_passwords(password):
    assert refused_field(password=password) == "password"


@pytest.mark.parametrize(
    "password",
    [
        "blackdragon",  # only in the list of leaked passwords
        "Sunshine2024",
        "2024!sunshine",
        "sunshine!12345",  # six characters added
        "$unsh1ne!",
        "P@55w0rd123",
        "he11oKitty",
        "1qaz2wsx3edc!",
        "monkeymonkey",
        "m0nkeym0nkeym0nkey",
    ],
)
def test_a_password_made_from_a_common_one_is_rejected(password):
    with pytest.raises(InvalidError, match="too common"):
        passwords.check(password, username="bob", email="", field="password")


@pytest.mark.parametrize(
    "password",
    [
        "sunshine!123456",  # seven characters added
        "sunshine over pennies",
        "lol48291",  # what is common about it is too short to matter
        "x7kq92lm",
    ],
)
def test_a_password_that_contains_a_common_one_is_valid(password):
    assert passwords.check(password, username="bob", email="", field="password")


def test_an_account_keeps_a_password_that_would_be_rejected_today(aws):
    make_user("bob")
    account = services.get_account_by_username("bob")
    set_password = Account.password_hash.set(passwords.hash_password("sunshine2024"))
    account.update([set_password])

    assert services.log_in(identifier="bob", password="sunshine2024", address="::1")


@pytest.mark.parametrize("password", ["LongEnough", "longenough-1", "2026 LONG.enough"])
def test_a_password_similar_to_the_username_is_rejected(password):
    assert refused_field(username="longenough", password=password) == "password"


@pytest.mark.parametrize("password", ["robert-b1", "R.O.B.E.R.T.B", "1robertb1@"])
def test_a_password_similar_to_the_e_mail_address_is_rejected(password):
    assert refused_field(email="robert.b@example.com", password=password) == "password"


@pytest.mark.parametrize("password", ["SmartBudget", "Smart Budget Planner 2026!"])
def test_a_password_similar_to_the_product_name_is_rejected(password):
    assert refused_field(password=password) == "password"


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"username": "BOB", "email": "other@example.com"}, "username"),
        ({"username": "other", "email": "BOB@example.com"}, "email"),
    ],
)
def test_a_taken_username_or_e_mail_is_named(aws, second, field):
    services.register(**BOB)

    with pytest.raises(ConflictError) as caught:
        services.register(**second, password=PASSWORD)

    assert caught.value.field == field


def test_a_failed_registration_stores_nothing(aws):
    services.register(**BOB)
    with pytest.raises(ConflictError):
        services.register(username="other", email="bob@example.com", password=PASSWORD)

    services.register(username="other", email="else@example.com", password=PASSWORD)


def test_of_twenty_concurrent_registrations_one_wins(aws):
    outcomes = []

    def register(number):
        try:
            services.register(
                username="popular",
                email=f"number{number}@example.com",
                password=PASSWORD,
            )
            outcomes.append("won")
        except ConflictError as error:
            outcomes.append(error.field)

    threads = [threading.Thread(target=register, args=[n]) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["username"] * 19 + ["won"]
    accounts = [item for item in Account.by_username.query("popular") if item.username]
    assert [item.user_id for item in accounts] == [
        UniqueName.get("username#popular").owner
    ]


def test_a_lost_reply_after_the_commit_is_not_a_conflict(aws):
    with reply_lost("TransactWriteItems"):
        login = services.register(**BOB)

    assert sessions.find_session(login.session_key) == login.user
    assert UniqueName.get("username#bob").owner == login.user.user_id


def test_an_outage_is_raised_and_stores_nothing(aws):
    with down("TransactWriteItems"), pytest.raises(TransactWriteError) as caught:
        services.register(**BOB)

    assert is_outage(caught.value)
    assert services.register(**BOB)


def test_registrations_from_one_ip_address_are_limited_per_hour(aws, monkeypatch):
    monkeypatch.setattr(services, "REGISTRATIONS", Limit("register", 2, 3600))
    make = [{**BOB, "username": f"bob{n}", "email": f"bob{n}@x.org"} for n in range(4)]
    for fields in make[:2]:
        services.register(**fields, address="192.0.2.1")

    with pytest.raises(ThrottledError) as caught:
        services.register(**make[2], address="192.0.2.1")

    assert 3590 < caught.value.retry_after <= 3600
    services.register(**make[3], address="192.0.2.2")
