"""Configuration: missing or invalid variables are named and stop the start."""

import pytest

from smartbudget.core.config import Config, ConfigError

PLAIN = {"AWS_REGION": "us-east-1"}
SES = {
    **PLAIN,
    "APP_URL": "https://budget.example.com",
    "EMAIL_TRANSPORT": "ses",
    "EMAIL_SENDER": "Smart Budget Planner <alerts@example.com>",
}


def test_mails_use_sns_unless_ses_is_configured():
    assert Config.from_env(PLAIN).email_transport == "sns"
    assert Config.from_env(SES).email_transport == "ses"


@pytest.mark.parametrize(
    ("value", "limit"),
    [({}, 600), ({"API_RATE_LIMIT": "5"}, 5), ({"API_RATE_LIMIT": "0"}, 0)],
)
def test_zero_turns_the_api_limit_off(value, limit):
    assert Config.from_env({**PLAIN, **value}).api_rate_limit == limit


@pytest.mark.parametrize(
    ("value", "limit"),
    [({}, 1200), ({"PAGE_RATE_LIMIT": "5"}, 5), ({"PAGE_RATE_LIMIT": "0"}, 0)],
)
def test_zero_turns_the_page_limit_off(value, limit):
    assert Config.from_env({**PLAIN, **value}).page_rate_limit == limit


@pytest.mark.parametrize(
    ("value", "limit"),
    [({}, 4), ({"READS_PER_USER": "9"}, 9), ({"READS_PER_USER": "0"}, 0)],
)
def test_zero_turns_the_limit_of_long_reads_off(value, limit):
    assert Config.from_env({**PLAIN, **value}).reads_per_user == limit


@pytest.mark.parametrize(("value", "number"), [("", 1), ("0", 1), ("0,1,2,3", 4)])
def test_segments_of_the_daily_check_are_listed(value, number):
    config = Config.from_env({**PLAIN, "DAILY_CHECK_SEGMENTS": value})

    assert config.daily_check_segments == number


@pytest.mark.parametrize("value", ["8", "1,2", "0,2", "0,1,1", "0, 1", "all"])
def test_segments_of_the_daily_check_count_from_zero(value):
    with pytest.raises(ConfigError, match="DAILY_CHECK_SEGMENTS"):
        Config.from_env({**PLAIN, "DAILY_CHECK_SEGMENTS": value})


@pytest.mark.parametrize(
    ("value", "minutes"), [("", 4320), ("0", 0), ("15", 15), ("60", 60)]
)
def test_the_idle_time_out_of_sessions(value, minutes):
    config = Config.from_env({**PLAIN, "SESSION_IDLE_MINUTES": value})

    assert config.session_idle_minutes == minutes


@pytest.mark.parametrize("value", ["1", "14", "-1", "soon"])
def test_an_idle_time_out_shorter_than_what_is_stored_is_refused(value):
    with pytest.raises(ConfigError, match="SESSION_IDLE_MINUTES"):
        Config.from_env({**PLAIN, "SESSION_IDLE_MINUTES": value})


@pytest.mark.parametrize(
    ("value", "key", "older"),
    [("", None, ()), ("new", "new", ()), ("new,old,oldest", "new", ("old", "oldest"))],
)
def test_secret_keys_come_newest_first(value, key, older):
    config = Config.from_env({**PLAIN, "SECRET_KEY": value})

    assert (config.secret_key, config.secret_key_fallbacks) == (key, older)


def test_a_limit_that_is_not_a_number_is_named():
    with pytest.raises(ConfigError, match="API_RATE_LIMIT"):
        Config.from_env({**PLAIN, "API_RATE_LIMIT": "many"})


@pytest.mark.parametrize("sender", [SES["EMAIL_SENDER"], "alerts@example.com"])
@pytest.mark.parametrize("transport", ["sns", "ses"])
def test_a_sender_may_have_a_name(sender, transport):
    env = {**SES, "EMAIL_SENDER": sender, "EMAIL_TRANSPORT": transport}

    assert Config.from_env(env).email_sender == sender


def test_a_name_before_an_address_needs_no_brackets():
    """Elastic Beanstalk does not allow them in a property."""
    env = {**SES, "EMAIL_SENDER": "Smart Budget Planner alerts@example.com"}

    assert Config.from_env(env).email_sender == SES["EMAIL_SENDER"]


@pytest.mark.parametrize("value", ["a.example,b.example", "a.example b.example"])
def test_hosts_are_separated_by_commas_or_spaces(value):
    config = Config.from_env({**PLAIN, "ALLOWED_HOSTS": value})

    assert config.allowed_hosts == ("a.example", "b.example")


def test_with_sns_a_sender_is_optional():
    env = {**SES, "EMAIL_SENDER": "", "EMAIL_TRANSPORT": "sns"}

    assert Config.from_env(env).email_sender == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("EMAIL_SENDER", "alerts@localhost"), ("APP_URL", "budget.example.com")],
)
def test_a_sender_beside_sns_is_validated(name, value):
    env = {**SES, "EMAIL_TRANSPORT": "sns", name: value}

    with pytest.raises(ConfigError, match=name):
        Config.from_env(env)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_TRANSPORT", "smtp"),
        ("EMAIL_SENDER", ""),
        ("EMAIL_SENDER", "Smart Budget Planner"),
        ("EMAIL_SENDER", "alerts@localhost"),
        ("EMAIL_SENDER", "alerts@example.com, bob@example.com"),
        ("EMAIL_SENDER", "alerts@example.com bob@example.com"),
        ("EMAIL_SENDER", "Me <alerts@example.com>\r\nBcc: bob@example.com"),
        ("APP_URL", ""),
        ("APP_URL", "budget.example.com"),
    ],
)
def test_settings_missing_for_ses_are_named(name, value):
    with pytest.raises(ConfigError, match=name):
        Config.from_env({**SES, name: value})


@pytest.mark.parametrize("key", ["k" * 32, "k" * 64])
def test_a_long_health_key_is_accepted(key):
    assert Config.from_env({**PLAIN, "HEALTH_KEY": key}).health_key == key
    assert Config.from_env(PLAIN).health_key is None


def test_a_short_health_key_is_named():
    with pytest.raises(ConfigError, match="HEALTH_KEY"):
        Config.from_env({**PLAIN, "HEALTH_KEY": "k" * 31})
