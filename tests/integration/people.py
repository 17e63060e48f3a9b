"""Users with a browser or API client, over real HTTP."""

import re
import subprocess
import sys
import time
import uuid
from typing import Any

import pyotp
import requests

from smartbudget.local.settings import ROOT

PASSWORD = "correct horse battery"


class Person:
    """A user registered on a stack, with a JSON client."""

    def __init__(self, stack: Any, *, subscribed: bool = False) -> None:
        self.stack = stack
        self.url = stack.web_url
        self.name = f"p{uuid.uuid4().hex[:12]}"
        self.email = f"{self.name}@example.com"
        self.http = requests.Session()
        answer = self.http.post(
            f"{self.url}/register",
            json={
                "username": self.name,
                "email": self.email,
                "password": PASSWORD,
            },
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        self.user_id = answer.json()["user_id"]
        self.http.headers["X-CSRFToken"] = answer.json()["csrf_token"]
        if subscribed:
            self.subscribe()

    def subscribe(self) -> None:
        """Subscribe to mails and follow the link in the confirmation."""
        assert self.post("notifications/subscribe")["status"] == "pending"
        self.stack.confirm(self.email)

    def become_staff(self) -> None:
        """Make the user staff, as an operator does, with a second factor."""
        self.set_up_totp()
        command = [sys.executable, "manage.py", "staff", "add", self.name]
        env = self.stack.local.web_env()
        subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)

    def set_up_totp(self) -> pyotp.TOTP:
        """Turn on an authenticator app, and return it."""
        setup = self.post("account/factors/totp", password=PASSWORD)
        app, now = pyotp.TOTP(setup["secret"]), time.time()
        self.post(
            "account/factors/totp/confirm",
            setup=setup["setup"],
            codes=[app.at(now - app.interval), app.at(now)],
            recovery_codes_saved=True,
        )
        return app

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.http.request(
            method, f"{self.url}/api/{path}", timeout=60, **options
        )

    def get(self, path: str) -> Any:
        return self._read(self.request("GET", path))

    def post(self, path: str, **fields: Any) -> Any:
        return self._read(self.request("POST", path, json=fields))

    def patch(self, path: str, **fields: Any) -> Any:
        return self._read(self.request("PATCH", path, json=fields))

    def delete(self, path: str) -> None:
        assert self.request("DELETE", path).status_code == 204

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Submit a page's form, including its hidden fields."""
        page = self.http.get(f"{self.url}{path}", timeout=30).text
        hidden = dict(
            re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
        )
        return self.http.post(
            f"{self.url}{path}", data={**hidden, **fields}, timeout=30
        )

    def mails(self, count: int) -> list[dict[str, Any]]:
        """Wait for `count` notification mails and return them."""
        return self.stack.wait_for_messages(self.email, count)

    @staticmethod
    def _read(response: requests.Response) -> Any:
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json()
