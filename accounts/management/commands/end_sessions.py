"""`manage.py end_sessions`: after tables were restored, or when sessions were stolen.

Restored tables contain sessions and API tokens that have ended since. The command
scans, which the web's role is not allowed to do: run it as an administrator.
"""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import sessions
from accounts.models import Account
from smartbudget.core.errors import NotFoundError


class Command(BaseCommand):
    help = "End everybody's sessions and API tokens. Safe to repeat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        ended = 0
        for account in Account.by_username.scan():  # the index holds accounts alone
            try:
                ended += sessions.end_all_access(account.user_id)
            except NotFoundError:
                continue  # closed meanwhile: nothing opens it any more
        self.stdout.write(f"{ended} sessions and API tokens ended.")
