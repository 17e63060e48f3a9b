"""`manage.py encrypt_secrets`, before an older key is removed from SECRET_KEY.

`python -m infra.rotate_key` runs it. The command scans, which the web's role is not
allowed to do: run it as an administrator, with all keys in SECRET_KEY.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.factors import services
from accounts.models import Account
from smartbudget.core.encryption import DecryptionError
from smartbudget.core.errors import NotFoundError


class Command(BaseCommand):
    help = "Encrypt stored secrets under the first key. Safe to repeat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only count them, and change nothing"
        )

    def handle(self, *args: Any, dry_run: bool = False, **options: Any) -> None:
        encrypted, unreadable = 0, []
        for account in Account.by_username.scan():  # only accounts are in this index
            try:
                encrypted += services.encrypt_again(account.user_id, dry_run=dry_run)
            except NotFoundError:
                continue  # closed meanwhile
            except DecryptionError:
                unreadable.append(account.user_id)
        done = "would be encrypted" if dry_run else "encrypted"
        self.stdout.write(f"{encrypted} secrets {done}.")
        if unreadable:
            raise CommandError(f"No key decrypts those of {', '.join(unreadable)}.")
