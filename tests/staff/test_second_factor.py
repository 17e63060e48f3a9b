"""Staff need a second factor, on pages and in the API."""

import pytest

from accounts.factors import services
from smartbudget.core.errors import ForbiddenError, SecondFactorError
from staff import dead_letters, failed_notifications, users
from tests.accounts.factors.builders import STEP, App, with_totp
from tests.builders import (
    PASSWORD,
    account_of,
    client_for,
    make_staff,
    make_token,
    make_user,
    program_with,
)
from tests.staff.test_pages import ADDRESSES, ask

pytestmark = pytest.mark.usefixtures("aws", "clock")


@pytest.fixture
def grace():
    """Return a staff user whose session has no second factor."""
    return users.set_staff(make_user("grace").username, is_staff=True).user


@pytest.fixture
def bob():
    return make_user("bob")


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_staff_without_a_second_factor_are_led_to_its_set_up(
    grace, bob, method, address
):
    client = client_for(grace)

    answer = ask(client, method, address.format(bob=bob.user_id))

    if address.startswith("/api"):
        assert answer.status_code == 403
        assert answer.json()["code"] == "second_factor_required"
    else:
        assert answer.status_code == 302
        assert answer.headers["Location"] == "/accounts/factors"
        assert "Staff need two-factor login." in client.get("/accounts/factors").text
    assert account_of(bob).locked_at is None


def test_staff_who_set_up_an_app_continue_at_once(grace, bob):
    client = client_for(grace)
    page = f"/admin/users/{bob.user_id}"
    assert client.get(page).status_code == 302
    setup = services.begin_totp(grace, password=PASSWORD)
    app = App(setup.secret)
    body = {
        "setup": setup.setup,
        "codes": [app.code(-STEP), app.code()],
        "recovery_codes_saved": True,
    }

    client.post(
        "/api/account/factors/totp/confirm", body, content_type="application/json"
    )

    assert client.get(page).status_code == 200


def test_a_session_of_before_the_set_up_is_not_enough(grace, bob):
    before = client_for(grace)
    with_totp(grace)

    assert before.get(f"/admin/users/{bob.user_id}").status_code == 302


def test_staff_who_remove_their_last_factor_are_led_to_the_set_up_again():
    grace = make_staff()
    with_totp(grace)
    client = client_for(grace)
    assert client.get("/admin/users").status_code == 200

    services.remove_totp(grace, password=PASSWORD)

    assert client.get("/admin/users").status_code == 302


def test_a_second_factor_does_not_make_a_user_staff(bob):
    with_totp(bob)
    answer = client_for(bob).get("/admin/users")

    assert answer.status_code == 403


def test_api_tokens_of_staff_are_not_asked_for_a_second_factor(grace):
    assert program_with(make_token(grace)).get("/api/expenses").status_code == 200


@pytest.mark.parametrize(
    "service",
    [
        lambda staff, bob: users.find_user(staff, "bob"),
        lambda staff, bob: users.get_user(staff, bob.user_id),
        lambda staff, bob: users.lock(staff, bob.user_id, reason="Sends spam"),
        lambda staff, bob: users.unlock(staff, bob.user_id),
        lambda staff, bob: failed_notifications.list_failed(staff),
        lambda staff, bob: failed_notifications.resend_all(staff),
        lambda staff, bob: dead_letters.depth(staff),
        lambda staff, bob: dead_letters.redrive(staff, lambda: False),
    ],
)
def test_every_service_checks_it_too(grace, bob, service):
    with pytest.raises(SecondFactorError):
        service(grace, bob)
    with pytest.raises(ForbiddenError, match="Only staff"):
        service(bob, bob)
