"""Setting up and removing second factors, and replacing recovery codes."""

import dataclasses

import pytest
from django.core.management import CommandError, call_command

from accounts import services as accounts
from accounts import sessions
from accounts.factors import second_step, services
from accounts.factors.services import Factors
from accounts.models import Account
from notifications.models import Notification
from smartbudget.core import encryption
from smartbudget.core.config import config
from smartbudget.core.errors import (
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnavailableError,
)
from tests.accounts.factors.builders import STEP, App, with_totp
from tests.builders import PASSWORD, account_of, make_user, with_factor
from tests.notifications import faults

HERE = "192.0.2.1"

pytestmark = pytest.mark.usefixtures("aws", "clock")


@pytest.fixture
def setup(bob):
    return services.begin_totp(bob, password=PASSWORD)


def confirm(user, setup, codes=None, *, saved=True, session_key=None):
    app = App(setup.secret)
    return services.confirm_totp(
        user,
        setup=setup.setup,
        codes=codes or [app.code(-STEP), app.code()],
        recovery_codes_saved=saved,
        session_key=session_key,
    )


def kinds():
    return sorted(notice.type for notice in Notification.scan())


def log_in(name="bob", **code):
    step = accounts.log_in(identifier=name, password=PASSWORD, address=HERE)
    if not code:
        return step
    proof = second_step.proof_of(**code)
    return second_step.complete(step.ticket, proof, address=HERE)


def test_an_app_is_on_after_two_consecutive_codes(bob, setup, clock):
    factors = confirm(bob, setup)

    assert factors == Factors(totp=True, recovery_codes_left=10)
    assert services.list_factors(bob) == factors
    assert kinds() == ["second_factor_added"]
    clock.shift(STEP)
    assert log_in(code=App(setup.secret).code()).user == bob
    assert log_in(recovery_code=setup.recovery_codes[0]).user == bob


def test_nothing_changes_until_the_app_is_confirmed(bob, setup):
    assert services.list_factors(bob) == Factors(totp=False, recovery_codes_left=0)
    assert not isinstance(log_in(), second_step.SecondStep)
    assert kinds() == []


def test_the_secret_has_160_bits_and_the_link_names_the_account(setup):
    assert len(setup.secret) * 5 == 160
    assert setup.uri == (
        f"otpauth://totp/Smart%20Budget%20Planner:bob?secret={setup.secret}"
        "&issuer=Smart%20Budget%20Planner"
    )


def test_neither_secret_nor_codes_are_stored_or_readable(bob, setup):
    confirm(bob, setup)

    stored = repr(account_of(bob).item)
    for secret in (setup.secret, *setup.recovery_codes):
        assert secret not in stored
        assert secret not in setup.setup


@pytest.mark.parametrize(
    "steps", [(0, 0), (0, -1), (-2, 0), (0, 2), (1, 2), (-3, -2), (-1,), (-1, 0, 1)]
)
def test_two_codes_that_are_not_consecutive_or_not_current_are_refused(
    bob, setup, steps
):
    codes = [App(setup.secret).code(step * STEP) for step in steps]

    with pytest.raises(InvalidError) as caught:
        confirm(bob, setup, codes)

    assert caught.value.field == "codes"
    assert account_of(bob).totp is None


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_the_clock_of_a_new_app_may_be_off_by_one_step(bob, setup, ahead):
    codes = [App(setup.secret).code(step * STEP) for step in (ahead - 1, ahead)]

    assert confirm(bob, setup, codes).totp


@pytest.mark.parametrize("codes", [["", ""], ["\ud800", "\ud800"], ["abc", "def"]])
def test_other_texts_are_no_codes(bob, setup, codes):
    with pytest.raises(InvalidError):
        confirm(bob, setup, codes)


def test_the_codes_of_the_set_up_do_not_log_in(bob, setup):
    app = App(setup.secret)
    confirm(bob, setup)

    for code in (app.code(-STEP), app.code()):
        with pytest.raises(second_step.WrongCodeError):
            log_in(code=code)


def test_the_recovery_codes_must_be_saved_first(bob, setup):
    with pytest.raises(InvalidError) as caught:
        confirm(bob, setup, saved=False)

    assert caught.value.field == "recovery_codes_saved"
    assert account_of(bob).totp is None


def test_a_set_up_is_good_for_thirty_minutes(bob, setup, clock):
    clock.shift(1799)
    assert services.resume_totp(bob, setup.setup) == setup
    clock.shift(1)

    with pytest.raises(GoneError):
        services.resume_totp(bob, setup.setup)
    with pytest.raises(GoneError):
        confirm(bob, setup)


def test_a_set_up_is_for_one_user(bob, setup):
    with pytest.raises(GoneError):
        confirm(make_user("carol"), setup)


def test_a_set_up_ends_when_the_password_changes(bob, setup):
    accounts.change_password(bob, old=PASSWORD, new="another good password")

    with pytest.raises(GoneError):
        confirm(bob, setup)


def test_an_account_has_one_app(bob, setup):
    confirm(bob, setup)

    with pytest.raises(ConflictError):
        services.begin_totp(with_factor(bob), password=PASSWORD)


def test_of_two_apps_being_set_up_one_is_turned_on(bob, setup):
    other = services.begin_totp(bob, password=PASSWORD)
    confirm(bob, setup)

    with pytest.raises(ConflictError):
        confirm(bob, other)
    assert kinds() == ["second_factor_added"]


def test_a_lost_reply_does_not_turn_it_on_twice(bob, setup):
    with faults.reply_lost("TransactWriteItems"):
        confirm(bob, setup)

    assert kinds() == ["second_factor_added"]


@pytest.mark.parametrize(
    "action",
    [
        services.begin_totp,
        services.remove_totp,
        services.create_recovery_codes,
    ],
)
def test_every_change_needs_the_password(bob, action):
    with_totp(bob)

    for _ in range(10):
        with pytest.raises(InvalidError) as caught:
            action(with_factor(bob), password="wrong password")
        assert caught.value.field == "password"
    with pytest.raises(ThrottledError):
        action(with_factor(bob), password=PASSWORD)


@pytest.mark.parametrize(
    "action",
    [
        services.begin_totp,
        services.remove_totp,
        services.create_recovery_codes,
    ],
)
def test_a_session_without_the_second_factor_cannot_change_it(bob, action):
    """A stolen session of before and the password are not enough."""
    with_totp(bob)

    with pytest.raises(ForbiddenError, match="log in again"):
        action(bob, password=PASSWORD)
    assert account_of(bob).totp


def test_setting_up_gives_the_session_its_second_factor(bob, setup):
    key = sessions.begin_session(account_of(bob)).session_key
    other = sessions.begin_session(account_of(bob)).session_key

    confirm(bob, setup, session_key=key)

    assert sessions.find_session(key).has_second_factor
    assert not sessions.find_session(other).has_second_factor


def test_a_session_that_has_just_ended_does_not_prevent_it(bob, setup):
    key = sessions.begin_session(account_of(bob)).session_key
    sessions.log_out(key)

    assert confirm(bob, setup, session_key=key).totp
    assert sessions.find_session(key) is None


def test_another_users_session_key_is_of_no_use(bob, setup):
    carol = make_user("carol")
    key = sessions.begin_session(account_of(carol)).session_key

    confirm(bob, setup, session_key=key)

    assert not sessions.find_session(key).has_second_factor


def test_a_new_password_keeps_the_second_factor_of_the_session(bob):
    login = accounts.change_password(
        with_factor(bob), old=PASSWORD, new="another good password"
    )
    assert sessions.find_session(login.session_key).has_second_factor

    login = accounts.change_password(
        bob, old="another good password", new="a third good password"
    )
    assert not sessions.find_session(login.session_key).has_second_factor


def test_removing_the_app_removes_the_recovery_codes_and_the_factor_of_sessions(bob):
    with_totp(bob)
    key = sessions.store_session(
        account_of(bob), None, has_second_factor=True
    ).session_key

    services.remove_totp(with_factor(bob), password=PASSWORD)

    assert services.list_factors(bob) == Factors(totp=False, recovery_codes_left=0)
    account = account_of(bob)
    assert (account.totp, account.totp_step, account.recovery_codes) == (None,) * 3
    assert not sessions.find_session(key).has_second_factor
    assert not isinstance(log_in(), second_step.SecondStep)
    (notice,) = Notification.scan()
    assert notice.type == "second_factor_removed"
    assert "Authenticator app" in notice.subject


def test_with_a_passkey_left_the_recovery_codes_stay(bob):
    _, codes = with_totp(bob)
    account_of(bob).update([Account.passkeys.set({"a" * 64})])

    services.remove_totp(with_factor(bob), password=PASSWORD)

    assert len(account_of(bob).recovery_codes) == len(codes)
    assert log_in().factors == ("passkey", "recovery")


def test_without_an_app_there_is_nothing_to_remove(bob):
    with pytest.raises(NotFoundError):
        services.remove_totp(bob, password=PASSWORD)


def test_an_app_after_a_passkey_leaves_the_recovery_codes(bob):
    _, codes = with_totp(bob)
    account_of(bob).update([Account.passkeys.set({"a" * 64}), Account.totp.remove()])

    setup = services.begin_totp(with_factor(bob), password=PASSWORD)
    confirm(with_factor(bob), setup)

    assert setup.recovery_codes == ()
    assert log_in(recovery_code=codes[0])


def test_new_recovery_codes_replace_the_old_ones(bob):
    _, old = with_totp(bob)

    new = services.create_recovery_codes(with_factor(bob), password=PASSWORD)

    assert len(new) == 10
    with pytest.raises(second_step.WrongCodeError):
        log_in(recovery_code=old[0])
    assert log_in(recovery_code=new[0])
    assert kinds() == ["recovery_code_used", "recovery_codes_created"]


def test_recovery_codes_need_a_second_factor(bob):
    with pytest.raises(ConflictError):
        services.create_recovery_codes(bob, password=PASSWORD)


def test_codes_are_shown_again_to_their_user_for_thirty_minutes(bob, clock):
    encrypted = services.encrypt_codes(bob, ["abcd-efgh-ijkl-mnop"])

    assert "abcd" not in encrypted
    assert services.decrypt_codes(bob, encrypted) == ["abcd-efgh-ijkl-mnop"]
    with pytest.raises(GoneError):
        services.decrypt_codes(make_user("carol"), encrypted)
    clock.shift(1800)
    with pytest.raises(GoneError):
        services.decrypt_codes(bob, encrypted)


def test_a_set_up_and_shown_codes_are_not_interchangeable(bob, setup):
    with pytest.raises(GoneError):
        services.decrypt_codes(bob, setup.setup)
    with pytest.raises(GoneError):
        services.resume_totp(bob, services.encrypt_codes(bob, ["abcd"]))


def test_an_operator_removes_all_factors_of_a_user(bob, capsys):
    with_totp(bob)
    key = sessions.store_session(
        account_of(bob), None, has_second_factor=True
    ).session_key

    call_command("factors", "remove", "Bob")

    assert "bob logs in with the password alone now." in capsys.readouterr().out
    assert not isinstance(log_in(), second_step.SecondStep)
    assert not sessions.find_session(key).has_second_factor
    (notice,) = Notification.scan()
    assert notice.type == "second_factor_removed"
    assert "The people who run this site removed all second factors" in notice.message
    with pytest.raises(CommandError, match="no second factor"):
        call_command("factors", "remove", "bob")


def test_the_command_names_an_unknown_user():
    with pytest.raises(CommandError, match="no user nobody"):
        call_command("factors", "remove", "nobody")


def test_an_account_without_the_attributes_has_no_factors(bob):
    """Accounts stored by the version before have none of them."""
    assert not {"totp", "recovery_codes", "factor_tries"} & account_of(bob).item.keys()
    assert services.list_factors(bob) == Factors(totp=False, recovery_codes_left=0)


def use_keys(monkeypatch, first, *older):
    keys = dataclasses.replace(config, secret_key=first, secret_key_fallbacks=older)
    monkeypatch.setattr(encryption, "config", keys)


def test_a_key_is_replaced_without_affecting_users(bob, monkeypatch, capsys):
    use_keys(monkeypatch, "old" * 20)
    app, _ = with_totp(bob)
    make_user("carol")

    use_keys(monkeypatch, "new" * 20, "old" * 20)
    call_command("encrypt_secrets")
    use_keys(monkeypatch, "new" * 20)

    assert "1 secrets encrypted." in capsys.readouterr().out
    assert log_in(code=app.code()).user == bob


def test_the_command_names_accounts_whose_key_is_gone(bob, monkeypatch):
    use_keys(monkeypatch, "old" * 20)
    _, codes = with_totp(bob)

    use_keys(monkeypatch, "new" * 20)
    with pytest.raises(CommandError, match=bob.user_id):
        call_command("encrypt_secrets")
    with pytest.raises(UnavailableError, match="Use a recovery code"):
        log_in(code="123456")
    assert log_in(recovery_code=codes[0]).user == bob
