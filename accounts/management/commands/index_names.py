"""`manage.py index_names`, for use once after an upgrade from 0.1.

It scans, which the web's role is not allowed to do: run it as an administrator.
"""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import unique_names


class Command(BaseCommand):
    help = "Let staff search users who registered with a version up to 0.1."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        indexed = unique_names.index_older_names()
        self.stdout.write(f"{indexed} usernames and e-mail addresses indexed.")
