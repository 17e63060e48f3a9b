"""`manage.py copy_user <username> --from <prefix>`, after tables were restored.

Why: docs/operations.md#one-users-data
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services as accounts
from profiles import recovery
from smartbudget.core.config import config
from smartbudget.core.errors import DomainError, NotFoundError
from smartbudget.core.user import User


class Command(BaseCommand):
    help = "Copy lost budgets and expenses of a user back. Safe to repeat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="username or id")
        parser.add_argument(
            "--from", dest="prefix", required=True, help="prefix of the restored tables"
        )
        parser.add_argument(
            "--apply", action="store_true", help="copy them instead of counting them"
        )

    def handle(
        self, *args: Any, user: str, prefix: str, apply: bool, **options: Any
    ) -> None:
        if not prefix.startswith(f"{config.resource_prefix}restored-"):
            raise CommandError(f"{prefix} is not the prefix of this stage's backups.")
        owner, backup = _find(user), recovery.Backup(prefix)
        missing = recovery.find_missing(owner, backup)
        self.stdout.write(
            f"{owner.username} ({owner.user_id}) lacks {len(missing.budgets)} budgets"
            f" and {len(missing.expenses)} expenses of {prefix}*."
        )
        if not apply:
            self.stdout.write("Nothing was changed. Add --apply to copy them.")
            return
        try:
            recovery.copy(owner, backup, missing, self.stdout.write)
        except DomainError as error:
            raise CommandError(f"{error} Run the command again to continue.") from error
        self.stdout.write(
            f"Next: infra.restore receipts --user-id {owner.user_id} undeletes files."
        )


def _find(user: str) -> User:
    try:
        return accounts.get_account_by_username(user).user
    except NotFoundError:
        account = accounts.find_account(user)
    if account is None:
        raise CommandError(f"There is no user {user}, or the account is closed.")
    return account.user
