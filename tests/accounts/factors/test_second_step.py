"""The second step of a login: no session without it, and each factor is good once."""

import dataclasses
import threading

import pytest

from accounts import services, sessions
from accounts.factors import attempts, second_step
from accounts.factors.proofs import WrongCodeError
from accounts.factors.second_step import SecondStep, TicketError
from accounts.models import Account, Session
from notifications import delivery
from notifications.models import Notification
from smartbudget.core import dates, encryption
from smartbudget.core.errors import AuthenticationError, ThrottledError
from smartbudget.core.throttling import Throttle
from tests.accounts.factors.builders import STEP, with_totp
from tests.builders import PASSWORD, account_of, make_user, with_factor
from tests.notifications import faults
from tests.notifications.mailing import using_ses

HERE = "192.0.2.1"
NEW = "another good password"

pytestmark = pytest.mark.usefixtures("aws", "clock")


def ticket_of(name="bob") -> str:
    step = services.log_in(identifier=name, password=PASSWORD, address=HERE)
    assert isinstance(step, SecondStep)
    return step.ticket


def complete(ticket, **code):
    return second_step.complete(ticket, second_step.proof_of(**code), address=HERE)


def log_in(**code):
    return complete(ticket_of(), **code)


def notices(kind):
    return [notice for notice in Notification.scan() if notice.type == kind]


def session_count(user):
    return sum(
        1
        for item in Session.scan()
        if item.user_id.startswith("session#") and item.owner == user.user_id
    )


def test_a_login_with_the_code_of_the_app_starts_a_session(bob, app):
    login = log_in(code=app.code())

    user = sessions.find_session(login.session_key)
    assert user == bob
    assert user.has_second_factor
    assert login.user.has_second_factor


def test_a_login_without_a_second_factor_says_so_in_its_session(bob):
    login = services.log_in(identifier="bob", password=PASSWORD, address=HERE)

    assert not sessions.find_session(login.session_key).has_second_factor


def test_the_password_alone_starts_no_session(bob, app):
    before = session_count(bob)

    step = services.log_in(identifier="bob", password=PASSWORD, address=HERE)

    assert step.factors == ("totp", "recovery")
    assert session_count(bob) == before


def test_a_wrong_password_gets_no_ticket(bob, app):
    with pytest.raises(AuthenticationError, match="Wrong username or password"):
        services.log_in(identifier="bob", password="wrong password", address=HERE)


def test_spaces_in_a_code_do_not_matter(app):
    code = app.code()

    assert log_in(code=f"{code[:3]} {code[3:]} ")


def test_a_code_used_twice_in_its_30_seconds_is_refused(clock, app):
    log_in(code=app.code())
    clock.shift(STEP - 1)  # NOON is the start of a step

    with pytest.raises(WrongCodeError):
        log_in(code=app.code())


def test_the_code_before_a_used_one_is_refused(app):
    before, code = app.code(-STEP), app.code()
    log_in(code=code)

    with pytest.raises(WrongCodeError):
        log_in(code=before)


def test_the_next_code_is_accepted(clock, app):
    log_in(code=app.code())
    clock.shift(STEP)

    assert log_in(code=app.code())


@pytest.mark.parametrize("second", range(0, STEP, 7))
@pytest.mark.parametrize(("off", "accepted"), [(29, True), (61, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_may_be_off_by_one_step(clock, app, second, off, sign, accepted):
    clock.shift(second)
    code = app.code(sign * off)

    if accepted:
        assert log_in(code=code)
    else:
        with pytest.raises(WrongCodeError):
            log_in(code=code)


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\ud800", "-12345", "1e5000"]
)
def test_anything_but_six_digits_is_a_wrong_code(app, code):
    with pytest.raises(WrongCodeError):
        log_in(code=code)


def race(*attempts):
    """Run callables at once; return the kinds of their results."""
    outcomes = []

    def run(attempt):
        try:
            outcomes.append(type(attempt()))
        except AuthenticationError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize("factor", ["code", "recovery_code"])
def test_of_two_requests_with_one_code_one_starts_a_session(bob, factor):
    app, codes = with_totp(bob)
    code = {"code": app.code(), "recovery_code": codes[0]}[factor]
    one, other = ticket_of(), ticket_of()
    before = session_count(bob)

    outcomes = race(
        lambda: complete(one, **{factor: code}),
        lambda: complete(other, **{factor: code}),
    )

    assert sorted(outcome.__name__ for outcome in outcomes) == [
        "Login",
        "WrongCodeError",
    ]
    assert session_count(bob) == before + 1


def test_a_code_that_another_login_uses_meanwhile_is_refused(bob, app):
    other, ticket, code = ticket_of(), ticket_of(), app.code()

    with (
        faults.meanwhile(lambda: complete(other, code=code)),
        pytest.raises(WrongCodeError),
    ):
        complete(ticket, code=code)


def test_two_logins_at_once_leave_no_attempt_counted(bob):
    app, codes = with_totp(bob)
    other, ticket = ticket_of(), ticket_of()

    with faults.meanwhile(lambda: complete(other, recovery_code=codes[0])):
        complete(ticket, code=app.code())

    assert account_of(bob).factor_tries is None
    assert len(account_of(bob).recovery_codes) == 9
    assert log_in(recovery_code=codes[1])


def test_a_login_continues_if_the_account_changes_meanwhile(bob, app):
    ticket, code = ticket_of(), app.code()

    with faults.meanwhile(lambda: sessions.begin_session(account_of(bob))):
        login = complete(ticket, code=code)

    assert sessions.find_session(login.session_key) == bob


def test_a_ticket_starts_one_session(bob, clock, app):
    ticket = ticket_of()
    complete(ticket, code=app.code())
    clock.shift(STEP)

    with pytest.raises(TicketError, match="expired"):
        complete(ticket, code=app.code())


def test_a_lost_reply_does_not_use_up_the_ticket(bob, app):
    ticket = ticket_of()

    with faults.reply_lost("TransactWriteItems"):
        login = complete(ticket, code=app.code())

    assert sessions.find_session(login.session_key) == bob


def test_a_ticket_expires_after_five_minutes(clock, app):
    late, later = ticket_of(), ticket_of()

    clock.shift(299)
    assert complete(late, code=app.code())
    clock.shift(1)
    with pytest.raises(TicketError, match="expired"):
        complete(later, code=app.code())


@pytest.mark.parametrize(
    "change",
    [
        lambda ticket: "",
        lambda ticket: "x" * 200,
        lambda ticket: "\ud800",
        lambda ticket: ticket[:-2],
        lambda ticket: ticket.swapcase(),
        lambda ticket: encryption.encrypt("{}", purpose="totp|bob"),
    ],
)
def test_a_forged_ticket_is_refused(app, change):
    ticket = ticket_of()

    with pytest.raises(TicketError):
        complete(change(ticket), code=app.code())


def test_a_ticket_is_for_one_account(bob, app):
    carols_app, _ = with_totp(make_user("carol"))

    with pytest.raises(WrongCodeError):
        complete(ticket_of("bob"), code=carols_app.code())


def test_a_ticket_ends_when_the_password_changes(bob, app):
    ticket = ticket_of()
    services.change_password(with_factor(bob), old=PASSWORD, new=NEW)

    with pytest.raises(TicketError, match="password has just been changed"):
        complete(ticket, code=app.code())


def test_tickets_for_the_password_before_do_not_lock_its_owner_out(bob, app):
    """An intruder may have kept some when the owner changed the password."""
    ticket = ticket_of()
    services.change_password(with_factor(bob), old=PASSWORD, new=NEW)

    for _ in range(attempts.TRIES + 1):
        with pytest.raises(TicketError):
            complete(ticket, code=app.wrong_code())

    step = services.log_in(identifier="bob", password=NEW, address=HERE)
    assert complete(step.ticket, code=app.code()).user == bob


def test_a_used_ticket_does_not_take_up_attempts(bob, app, clock):
    ticket = ticket_of()
    complete(ticket, code=app.code())

    for _ in range(3):
        clock.shift(STEP)
        with pytest.raises(TicketError):
            complete(ticket, code=app.code())

    assert not account_of(bob).factor_tries


def test_a_ticket_ends_when_the_second_factor_is_turned_off(bob, app):
    ticket = ticket_of()
    account_of(bob).update([Account.totp.remove()])

    with pytest.raises(TicketError, match="account has just been changed"):
        complete(ticket, code=app.code())


def test_a_locked_account_gets_no_ticket_and_no_session(bob, app):
    ticket = ticket_of()
    account_of(bob).update([Account.locked_at.set(dates.timestamp())])

    with pytest.raises(AuthenticationError, match="locked"):
        ticket_of()
    with pytest.raises(AuthenticationError, match="locked"):
        complete(ticket, code=app.code())
    with pytest.raises(WrongCodeError):
        complete(ticket, code=app.wrong_code())


def test_a_closed_account_gets_no_session(bob, app):
    ticket = ticket_of()
    account_of(bob).update([Account.closed_at.set(dates.timestamp())])

    with pytest.raises(AuthenticationError, match="closed"):
        complete(ticket, code=app.code())


def test_a_deleted_account_gets_no_session_and_leaves_no_item(bob, app):
    ticket = ticket_of()
    account_of(bob).delete()

    with pytest.raises(AuthenticationError, match="closed"):
        complete(ticket, code=app.code())

    assert Account.find(bob.user_id) is None


def fail(times, app):
    for _ in range(times):
        with pytest.raises(WrongCodeError):
            log_in(code=app.wrong_code())


@pytest.fixture
def many_passwords(monkeypatch):
    """Allow more right passwords than codes, as if from several addresses."""
    limit = dataclasses.replace(services.NAME_LOGINS, tries=100)
    monkeypatch.setattr(services, "NAME_LOGINS", limit)


@pytest.mark.usefixtures("many_passwords")
def test_after_ten_wrong_codes_the_right_one_has_to_wait_and_a_mail_is_sent(
    bob, app, clock
):
    fail(9, app)
    assert not notices("second_factor_refused")
    fail(1, app)
    (notice,) = notices("second_factor_refused")
    assert "10 wrong codes" in notice.message

    with pytest.raises(ThrottledError) as caught:
        log_in(code=app.code())
    assert caught.value.retry_after == 900
    clock.shift(899)
    with pytest.raises(ThrottledError):
        log_in(code=app.code())
    clock.shift(1)
    assert log_in(code=app.code())
    assert len(notices("second_factor_refused")) == 1


@pytest.mark.usefixtures("many_passwords")
def test_the_wait_covers_recovery_codes_too(bob):
    app, codes = with_totp(bob)
    fail(10, app)

    with pytest.raises(ThrottledError):
        log_in(recovery_code=codes[0])


@pytest.mark.usefixtures("many_passwords")
def test_codes_of_another_account_do_not_wait(bob, app):
    carols_app, _ = with_totp(make_user("carol"))
    fail(10, app)

    assert complete(ticket_of("carol"), code=carols_app.code())


@pytest.mark.usefixtures("many_passwords")
def test_wrong_codes_are_forgotten_after_fifteen_minutes(bob, app, clock):
    fail(9, app)
    clock.shift(900)
    fail(9, app)

    assert log_in(code=app.code())


@pytest.mark.usefixtures("many_passwords")
def test_a_right_code_is_not_counted(bob, app, clock):
    fail(8, app)
    for _ in range(3):
        clock.shift(STEP)
        log_in(code=app.code())

    fail(2, app)
    with pytest.raises(ThrottledError):
        log_in(code=app.code())


@pytest.mark.usefixtures("many_passwords")
def test_parallel_guesses_do_not_exceed_the_limit(bob, app):
    tickets, wrong = [ticket_of() for _ in range(15)], app.wrong_code()
    outcomes = []

    def guess(ticket):
        try:
            complete(ticket, code=wrong)
        except (WrongCodeError, ThrottledError) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=guess, args=(ticket,)) for ticket in tickets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count(WrongCodeError) == attempts.TRIES
    assert outcomes.count(ThrottledError) == 5
    assert len(notices("second_factor_refused")) == 1


def password_tries():
    return sorted(
        int(item.tries)
        for item in Throttle.scan()
        if item.user_id.startswith("throttle#login")
    )


def test_the_password_counts_as_an_attempt_until_the_second_step_succeeds(bob, app):
    ticket = ticket_of()
    assert password_tries() == [1, 1]

    complete(ticket, code=app.code())

    assert password_tries() == [0, 0]


def test_a_recovery_code_completes_the_login_and_a_mail_is_sent(bob, codes):
    login = log_in(recovery_code=codes[0])

    assert sessions.find_session(login.session_key).has_second_factor
    assert login.recovery_codes_left == 9
    (notice,) = notices("recovery_code_used")
    assert "You have 9 recovery codes left." in notice.message
    assert "Create new ones soon" not in notice.message


def test_the_mail_about_a_recovery_code_goes_to_the_accounts_address(bob, codes):
    """Subscribed or not: the account may be in the hands of another."""
    with using_ses("sns") as sent:
        log_in(recovery_code=codes[0])
        (notice,) = notices("recovery_code_used")
        delivery.deliver(notice.notification_id)

    (mail,) = sent
    assert mail.to == ["bob@example.com"]
    assert mail.subject == "Recovery code used"


def test_a_recovery_code_is_good_once(codes):
    log_in(recovery_code=codes[0])

    with pytest.raises(WrongCodeError):
        log_in(recovery_code=codes[0])
    assert log_in(recovery_code=codes[1])


def test_case_spaces_and_hyphens_of_a_recovery_code_do_not_matter(codes):
    assert log_in(recovery_code=f" {codes[0].upper().replace('-', ' ')} ")
    assert log_in(recovery_code=codes[1].replace("-", ""))


def test_one_login_uses_at_most_one_recovery_code(bob, codes):
    ticket = ticket_of()
    complete(ticket, recovery_code=codes[0])

    with pytest.raises(TicketError):
        complete(ticket, recovery_code=codes[1])
    assert len(account_of(bob).recovery_codes) == 9


def test_the_mail_warns_when_three_recovery_codes_are_left(bob, codes):
    for number, code in enumerate(codes):
        log_in(recovery_code=code)
        warnings = [n for n in notices("recovery_code_used") if "soon" in n.message]
        assert len(warnings) == max(0, number - 5)  # 3, 2, 1 and 0 are left

    assert account_of(bob).recovery_codes is None
    assert services.log_in(
        identifier="bob", password=PASSWORD, address=HERE
    ).factors == ("totp",)


def test_the_codes_of_another_user_do_not_help(bob, app):
    _, carols = with_totp(make_user("carol"))

    with pytest.raises(WrongCodeError):
        log_in(recovery_code=carols[0])


def test_recovery_codes_have_80_random_bits_and_only_hashes_are_stored(bob, codes):
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) == 16 for code in codes)  # Base32: 5 bits
    stored = account_of(bob).recovery_codes
    assert all(len(item) == 64 for item in stored)
    assert not stored.intersection(codes)


def test_the_secret_is_encrypted_for_its_account(bob, app):
    carol = make_user("carol")
    with_totp(carol)
    stored = account_of(bob).totp
    account_of(carol).update([Account.totp.set(stored)])

    with pytest.raises(Exception, match="can't be checked"):
        complete(ticket_of("carol"), code=app.code())


def test_a_session_of_an_earlier_version_has_no_second_factor(bob):
    login = services.log_in(identifier="bob", password=PASSWORD, address=HERE)
    session = next(
        item
        for item in Session.scan()
        if item.user_id.endswith(sessions.credentials.digest(login.session_key))
    )
    session.update(
        [Session.has_second_factor.remove(), Session.authenticated_at.remove()]
    )

    assert not sessions.find_session(login.session_key).has_second_factor
