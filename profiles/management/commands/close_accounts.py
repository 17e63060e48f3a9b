"""`manage.py close_accounts <user id>...`, for accounts that a restore brought back.

Why: docs/operations.md#switch-over
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import services as accounts
from profiles import deletion


class Command(BaseCommand):
    help = "Close accounts and delete them with all their data. Safe to repeat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        # No usernames, which another user may have by now.
        parser.add_argument("user_ids", nargs="+", metavar="user_id")
        parser.add_argument(
            "--apply", action="store_true", help="close them instead of naming them"
        )

    def handle(
        self, *args: Any, user_ids: list[str], apply: bool, **options: Any
    ) -> None:
        for user_id in user_ids:
            account = accounts.find_account(user_id)
            if account is None:
                self.stdout.write(f"{user_id} is closed, or does not exist.")
                continue
            if apply:
                deletion.close(account)
            done = "closed" if apply else "would be closed"
            self.stdout.write(f"{user_id} ({account.username}) {done}.")
        if not apply:
            self.stdout.write("Nothing was changed. Add --apply to close them.")
