"""`manage.py factors remove <username>`, for users who lost their second factors.

Why: docs/operations.md#a-user-lost-all-second-factors
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.factors import services
from smartbudget.core.errors import ConflictError, NotFoundError


class Command(BaseCommand):
    help = "Remove all second factors of a user, who is notified."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["remove"])
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        try:
            account = services.remove_all(username)
        except NotFoundError as error:
            raise CommandError(f"There is no user {username}.") from error
        except ConflictError as error:
            raise CommandError(f"{username} has no second factor.") from error
        self.stdout.write(f"{account.username} logs in with the password alone now.")
