"""`manage.py encrypt_secrets`, before an older key is removed from SECRET_KEY.

The command scans, which the web's role is not allowed to do: run it as an
administrator, with all keys in SECRET_KEY.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.factors import services
from accounts.models import Account
from smartbudget.core.encryption import DecryptionError
from smartbudget.core.errors import NotFoundError


class Command(BaseCommand):
    help = "Encrypt stored secrets under the first key. Safe to repeat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        encrypted, unreadable = 0, []
        for account in Account.by_username.scan():  # only accounts are in this index
            try:
                encrypted += services.encrypt_again(account.user_id)
            except NotFoundError:
                continue  # closed meanwhile
            except DecryptionError:
                unreadable.append(account.user_id)
        self.stdout.write(f"{encrypted} secrets encrypted.")
        if unreadable:
            raise CommandError(f"No key decrypts those of {', '.join(unreadable)}.")
