"""The environment of all tests; a plugin, so that it is set before settings load."""

import os

from smartbudget.local import assets
from smartbudget.local.settings import ROOT

os.environ.update(
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    API_RATE_LIMIT="1000000000",  # many tests run within one frozen minute
    PAGE_RATE_LIMIT="1000000000",
    AWS_ACCESS_KEY_ID="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    AWS_SECRET_ACCESS_KEY="testing",
    LOCAL="true",
    LOG_LEVEL="INFO",
    SECRET_KEY="only-for-tests",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "RESOURCE_PREFIX", "MAILBOX_URL"):
    os.environ.pop(name, None)

# Pages contain the hashes of static files, which Django reads once at start.
assets.collect(ROOT / ".local-build")
