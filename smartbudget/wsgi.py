"""What the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

from smartbudget.core import log, tables
from smartbudget.core.config import config

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartbudget.settings")
log.set_up(config.log_level)
application = get_wsgi_application()

# The first request should not wait for the client to be made, nor two threads make it
# at once [P13].
tables.connection()
