"""Import this first to run the application against the AWS in memory of the tests."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartbudget.settings")

import django

from tests import env  # noqa: F401  sets the other variables

django.setup()
