"""Time zones: those of places, under current and former names."""

from zoneinfo import ZoneInfo

import pytest

from accounts.models import Account
from smartbudget.core.dates import TIME_ZONES
from tests.builders import client_for, make_user


@pytest.mark.parametrize(
    "name",
    [
        "Factory",
        "localtime",
        "posixrules",
        "leapseconds",
        "tzdata.zi",
        "zone.tab",
        "right/Europe/Berlin",
        "posix/UTC",
        "europe/berlin",
        "../etc/passwd",
    ],
)
def test_zones_that_are_not_places_are_neither_offered_nor_accepted(aws, name):
    client = client_for(make_user("alice"))

    answer = client.patch("/api/profile", {"time_zone": name}, "application/json")

    assert answer.status_code == 400
    assert f'value="{name}"'.encode() not in client.get("/accounts/profile").content


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "Asia/Calcutta", "US/Pacific"]
)
def test_former_names_of_zones_are_accepted(aws, name):
    client = client_for(make_user("alice"))

    answer = client.patch("/api/profile", {"time_zone": name}, "application/json")

    assert answer.json()["time_zone"] == name


def test_every_offered_zone_can_be_used():
    assert len(TIME_ZONES) > 500
    assert all(ZoneInfo(name).key == name for name in TIME_ZONES)


def test_a_stored_zone_no_longer_offered_is_shown_as_utc(aws):
    user = make_user("alice")
    Account(user.user_id).update(
        [Account.time_zone.set("Factory")], add_version_condition=False
    )

    page = client_for(user).get("/accounts/profile").content.decode()

    assert '<option value="UTC" selected>' in page
