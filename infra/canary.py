"""Check the product from outside: do what a new user does, and clean up.

    python -m infra.canary http://127.0.0.1:8000

Registers, logs in, sets a budget, exceeds it with an expense, waits until the alert has
been processed, and closes the account. On AWS it is a Lambda (infra/canary.yaml) that
runs every five minutes, and once after each deployment.

Usernames are derived from CANARY_PASSWORD and numbered, so that a run closes the
account of an earlier one that was killed. By hand, without CANARY_PASSWORD, the
password is random, and a run that is killed leaves its account behind. It needs only
the standard library, except for the Lambda's secret.

Why: docs/decisions.md#the-canary-registers-and-closes-an-account-each-time
"""

import datetime
import hashlib
import http.client
import http.cookiejar
import json
import logging
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger(__name__)

ACCOUNTS = 10  # usernames; a closed one is free again after some three minutes
RUN_SECONDS = 75  # for everything but closing the account
ALERT_SECONDS = 45  # until the alert must have been processed
REQUEST_SECONDS = 15
CLOSE_SECONDS = 15
# An account is a leftover if no run can be using it any more.
LEFTOVER_SECONDS = RUN_SECONDS + CLOSE_SECONDS + 60
POLL_SECONDS = 1.0
CATEGORY = "Canary"


class CanaryError(RuntimeError):
    """The main job failed; the message names the step and the reason."""


class Canary:
    """One run against one address."""

    def __init__(
        self,
        url: str,
        password: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self.clock = clock
        self.sleep = sleep
        self.deadline = clock() + RUN_SECONDS
        self.step = "register"
        self._password = password
        self._request_id = ""
        self._start_session()

    def run(self) -> None:
        """Do the main job and close the account, even if a step fails.

        Raises CanaryError.
        """
        with self._in_step("register"):
            username = self._register()
        try:
            self._do_the_job(username)
        except CanaryError:
            self._close_after_a_failure()
            raise
        with self._in_step("close the account"):
            self.deadline = self.clock() + CLOSE_SECONDS
            self._close()

    def _do_the_job(self, username: str) -> None:
        with self._in_step("log out and in"):
            self._call("POST", "/logout", expected=204)
            self._start_session()
            if self._log_in(username) != 200:
                raise self._error("the password was not accepted")
        with self._in_step("set a budget"):
            budget = {"category": CATEGORY, "amount": "10.00"}
            self._call("POST", "/api/budgets", budget, expected=201)
        with self._in_step("add an expense"):
            expense = {"category": CATEGORY, "amount": "11.00"}
            self._call("POST", "/api/expenses", expense, expected=201)
        with self._in_step("read the summary"):
            lines = self._call("GET", "/api/summary", expected=200)["budgets"]
            spent = [line["spent"] for line in lines]
            if spent != ["11.00"]:
                raise self._error(f"the budget's spending is {spent}, not 11.00")
        with self._in_step("open the dashboard"):
            if CATEGORY not in self._page("/"):
                raise self._error("the page does not show the budget")
        with self._in_step("wait for the alert"):
            self._wait_for_alert()

    def _register(self) -> str:
        """Create an account, close leftovers on the way, and return its username."""
        for number in range(ACCOUNTS):
            username = self._username(number)
            # Nobody gets mail to SES's simulator (docs/aws.md#mailbox-simulator).
            address = f"success+{secrets.token_hex(8)}@simulator.amazonses.com"
            status = self._try(
                "POST",
                "/register",
                {"username": username, "email": address, "password": self._password},
                expected={201, 409},
            )
            if status == 201:
                return username
            self._close_leftover(username)
        raise self._error(
            f"all {ACCOUNTS} accounts of earlier runs still exist: closed accounts are"
            " not being deleted"
        )

    def _close_leftover(self, username: str) -> None:
        """Close the account of a run that was killed; leave that of a running one."""
        if self._log_in(username) != 200:
            return  # it is closed already, and being deleted
        created = self._call("GET", "/api/profile", expected=200)["created_at"]
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(
            created
        )
        if age.total_seconds() > LEFTOVER_SECONDS:
            logger.info("closing the account of an earlier run")
            self._close()
        else:
            self._call("POST", "/logout", expected=204)
        self._start_session()

    def _log_in(self, username: str) -> int:
        body = {"username": username, "password": self._password}
        return self._try("POST", "/login", body, expected={200, 401})

    def _wait_for_alert(self) -> None:
        """Wait until the queue and its Lambda have processed the one alert."""
        until = self.clock() + ALERT_SECONDS
        seen: list[tuple[str, str]] = []
        while self.clock() < until:
            notifications = self._call("GET", "/api/notifications", expected=200)
            seen = [(n["type"], n["status"]) for n in notifications["results"]]
            # Skipped, since the account has no e-mail alerts.
            if seen == [("budget_exceeded", "skipped")]:
                return
            self.sleep(POLL_SECONDS)
        raise self._error(f"after {ALERT_SECONDS} seconds, notifications are {seen}")

    def _close(self) -> None:
        body = {"password": self._password}
        self._call("DELETE", "/api/account", body, expected=202)

    def _close_after_a_failure(self) -> None:
        """Close the account; the error that is being reported matters more."""
        self.deadline = self.clock() + CLOSE_SECONDS
        try:
            self._close()
        except CanaryError as error:
            logger.warning("left to the next run: %s", error)

    # -- HTTP

    def _username(self, number: int) -> str:
        """Return a username that others cannot guess and take."""
        digest = hashlib.sha256(f"canary|{self._password}".encode()).hexdigest()
        return f"canary-{digest[:16]}-{number}"

    def _start_session(self) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(jar)
        )
        self._csrf_token = ""

    def _try(
        self, method: str, path: str, body: dict[str, str], *, expected: set[int]
    ) -> int:
        """Send a request and return its status; after a login, keep the CSRF token."""
        status, text = self._send(method, path, body)
        if status not in expected:
            raise self._error(f"{method} {path} returned {status}")
        if status in {200, 201}:
            self._csrf_token = json.loads(text)["csrf_token"]
        return status

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
        *,
        expected: int,
    ) -> Any:
        """Send a request and return the JSON of the response, None if it is empty."""
        status, text = self._send(method, path, body)
        if status != expected:
            raise self._error(f"{method} {path} returned {status}")
        return json.loads(text) if text else None

    def _page(self, path: str) -> str:
        status, text = self._send("GET", path, None, accept="text/html")
        if status != 200:
            raise self._error(f"GET {path} returned {status}")
        return text

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, str] | None,
        *,
        accept: str = "application/json",
    ) -> tuple[int, str]:
        """Send a request; return (status, text). Errors of HTTP are no exceptions."""
        seconds = min(REQUEST_SECONDS, self.deadline - self.clock())
        if seconds <= 0:
            raise self._error("the run took too long")
        self._request_id = secrets.token_hex(16)
        request = urllib.request.Request(  # noqa: S310 - the operator's address
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Accept": accept,
                "Content-Type": "application/json",
                "Origin": self.url,  # Django requires it for writes over HTTPS
                "User-Agent": "smart-budget-canary",
                "X-CSRFToken": self._csrf_token,
                "X-Request-Id": self._request_id,
            },
        )
        try:
            with self._opener.open(request, timeout=seconds) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._error(f"{method} {path} failed: {error}") from error

    @contextmanager
    def _in_step(self, step: str) -> Iterator[None]:
        self.step = step
        start = self.clock()
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            raise self._error(f"the response was not understood: {error!r}") from error
        logger.info("%s: done in %d ms", step, (self.clock() - start) * 1000)

    def _error(self, reason: str) -> CanaryError:
        """Return an error that never contains the password or a cookie."""
        return CanaryError(f"{self.step}: {reason} (request {self._request_id})")


def handler(_event: object, _context: object) -> dict[str, str]:
    """Run as a Lambda: {} -> {"result": "done"}, or an error, which sets off the alarm.

    Environment: APP_URL, PASSWORD_ARN (of the secret) and STAGE.
    """
    import boto3  # Lambda has it; by hand it is not needed

    logging.getLogger().setLevel(logging.INFO)
    secret = boto3.client("secretsmanager").get_secret_value(
        SecretId=os.environ["PASSWORD_ARN"]
    )
    Canary(os.environ["APP_URL"], secret["SecretString"]).run()
    _subtract_from_metrics(os.environ["STAGE"])
    return {"result": "done"}


def _subtract_from_metrics(stage: str) -> None:
    """Subtract this run from the business metrics, whose sums then count users only."""
    _log_metric("ExpensesRecorded", Stage=stage)
    _log_metric("AlertsQueued", Stage=stage, Level="exceeded")
    _log_metric("NotificationsDelivered", Stage=stage, Status="skipped")


def _log_metric(name: str, **dimensions: str) -> None:
    """Log -1 in the embedded metric format, as smartbudget/core/log.py does."""
    line = {
        "_aws": {
            "Timestamp": time.time_ns() // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "SmartBudget",
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": "Count"}],
                }
            ],
        },
        name: -1,
        **dimensions,
    }
    sys.stdout.write(json.dumps(line) + "\n")


def main() -> None:
    """Run against the URL given on the command line, or exit with the reason."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    password = os.environ.get("CANARY_PASSWORD") or secrets.token_urlsafe(24)
    try:
        Canary(sys.argv[1], password).run()
    except CanaryError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
