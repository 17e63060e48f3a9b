"""`manage.py end_sessions`, for use after tables were restored or sessions stolen.

Restored tables contain sessions and API tokens that have ended since. The command
scans, which the web's role is not allowed to do: run it as an administrator.
"""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import sessions
from accounts.models import Account
from smartbudget.core.errors import NotFoundError


class Command(BaseCommand):
    help = "End all sessions and API tokens of all accounts. Safe to repeat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        ended = 0
        for account in Account.by_username.scan():  # only accounts are in this index
            try:
                ended += sessions.end_all_access(account.user_id)
            except NotFoundError:
                continue  # closed meanwhile, which ended its access
        self.stdout.write(f"{ended} sessions and API tokens ended.")
