"""Django's settings; values that differ between environments are in core.config."""

from pathlib import Path

from jinja2 import StrictUndefined

from smartbudget.core import i18n
from smartbudget.core.aws import S3_OPTIONS
from smartbudget.core.config import ConfigError, config
from smartbudget.web import docs_text

BASE_DIR = Path(__file__).resolve().parent.parent

if config.secret_key is None:
    raise ConfigError("SECRET_KEY is not set.")
SECRET_KEY = config.secret_key
SECRET_KEY_FALLBACKS = list(config.secret_key_fallbacks)
DEBUG = False
ALLOWED_HOSTS = list(config.allowed_hosts)

# All data is in DynamoDB; any use of a relational database raises an error.
# Why: docs/decisions.md#no-orm-and-no-django-below-the-views
DATABASES: dict[str, dict[str, str]] = {}

INSTALLED_APPS = [
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # serves the scripts of the API pages from this host
    "smartbudget.web",
    "accounts",
    "expenses",
    "budgets",
    "notifications",
    "profiles",
    "reports",
    "staff",
]

MIDDLEWARE = [
    "smartbudget.web.middleware.RequestIdMiddleware",
    "notifications.middleware.UnreadCookieMiddleware",  # sees the session's cookie
    "accounts.middleware.AuthenticationMiddleware",
    "smartbudget.web.middleware.HeadersMiddleware",
    "smartbudget.web.middleware.HttpsMiddleware",
    "smartbudget.web.health.HealthMiddleware",  # before the host is checked
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Compresses pages and JSON. Random padding, and a CSRF token that is masked
    # differently on each page, protect secrets from the BREACH attack.
    "smartbudget.web.middleware.CompressionMiddleware",
    "smartbudget.web.language.LanguageMiddleware",
    "smartbudget.web.middleware.RequestMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.LoginRequiredMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "smartbudget.web.errors.ErrorMiddleware",
]

ROOT_URLCONF = "smartbudget.urls"
WSGI_APPLICATION = "smartbudget.wsgi.application"
APPEND_SLASH = False  # RequestMiddleware accepts paths with and without it

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "smartbudget.web.jinja2.environment",
            "undefined": StrictUndefined,
            "lstrip_blocks": True,
            "keep_trailing_newline": True,
            "extensions": ["jinja2.ext.i18n"],
            "cache_size": -1,  # all templates; a limit costs time at each include
            "context_processors": [
                "django.contrib.messages.context_processors.messages",
                "smartbudget.web.context.csrf",
                "smartbudget.web.context.language",
                "smartbudget.web.context.return_to",
                "smartbudget.web.context.section",
                "smartbudget.web.context.theme",
                "smartbudget.web.context.user",
            ],
        },
    },
    # Only for the packages of the browsable API and its docs.
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
FORM_RENDERER = "django.forms.renderers.Jinja2"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"  # the output of collectstatic
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

LANGUAGE_CODE = i18n.DEFAULT
LANGUAGES = [*i18n.LANGUAGES.items()]
LOCALE_PATHS = [i18n.CATALOGS]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# Cookies. The prefix __Host- binds them to this host over HTTPS. The local stack uses
# plain HTTP, where browsers reject that prefix.
SESSION_COOKIE_NAME = "session" if config.local else "__Host-session"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds; the lifetime of a session
SESSION_COOKIE_SECURE = not config.local
SESSION_COOKIE_SAMESITE = "Lax"
DEVICE_COOKIE_NAME = "device" if config.local else "__Host-device"
DEVICE_COOKIE_AGE = 365 * 24 * 3600  # seconds from the last login
CSRF_COOKIE_NAME = "csrftoken" if config.local else "__Host-csrftoken"
CSRF_COOKIE_SECURE = not config.local
CSRF_COOKIE_HTTPONLY = False  # the browsable API's script reads it
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "smartbudget.web.errors.csrf_failure"
MESSAGE_STORAGE = "smartbudget.web.messages.MessageStorage"

# Transport. TLS ends at the load balancer, which sets this header.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if config.proxy_count else None
)
SECURE_SSL_REDIRECT = not config.local
SECURE_REDIRECT_EXEMPT = [
    r"^health(/|$)",  # the load balancer uses plain HTTP
]
SECURE_HSTS_SECONDS = 0 if config.local else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_REFERRER_POLICY = "same-origin"

DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # bytes of a body without files
# A receipt of 10 MB, the form around it, and some more, so that the form can explain
# why a slightly larger file is refused. Only for the URLs that accept files.
UPLOAD_MAX_SIZE = 11 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 10  # only one is accepted; the form reports more

# Files are private: every URL is signed and expires within the hour.
STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": config.receipts_bucket,
            "region_name": config.region,
            "endpoint_url": config.aws_endpoint,
            "signature_version": S3_OPTIONS["signature_version"],
            "addressing_style": S3_OPTIONS["s3"]["addressing_style"],
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "querystring_expire": 3600,
        },
    },
    # A changed file gets another name, so browsers may cache files forever.
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.authentication.HasScope",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "smartbudget.web.parsers.JSONParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "smartbudget.web.browsable.BrowsableRenderer",
    ],
    "DEFAULT_SCHEMA_CLASS": "smartbudget.web.schema.AutoSchema",
    "EXCEPTION_HANDLER": "smartbudget.web.api.exception_handler",
    # DRF's default would import contrib.auth's models (docs/aws.md#no-contribauth).
    "UNAUTHENTICATED_USER": "smartbudget.core.user.AnonymousUser",
    "NON_FIELD_ERRORS_KEY": None,  # no field that is sent can have this name
    "NUM_PROXIES": config.proxy_count,
}

CONTACT = {"name": "Smart Budget Planner", "url": config.app_url}
if config.support_email:
    CONTACT["email"] = config.support_email

SPECTACULAR_SETTINGS = {
    "TITLE": "Smart Budget Planner",
    "DESCRIPTION": docs_text.INTRODUCTION,
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/",  # the next part of a path is its tag
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": config.app_url}],
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "CONTACT": CONTACT,
    "TAGS": [
        {"name": name, "description": description}
        # In the order of the docs page.
        for name, description in {
            "expenses": "Add, list, edit and delete expenses.",
            "budgets": "Budgets, what is left of them, and summaries.",
            "categories": "List, rename and merge categories.",
            "merchants": "List, rename and merge merchants.",
            "imports": "Import bank statements.",
            "import-rules": "Rules for the rows of imports.",
            "import-profiles": "Bank accounts of imports.",
            "receipts": "Receipts of expenses.",
            "reports": "PDF reports.",
            "notifications": "Notifications and e-mail alerts.",
            "export": "Download everything, or all expenses.",
            "account": "Registration, sessions, settings and API tokens.",
            "admin": "For staff: users, failed notifications and health.",
        }.items()
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "smartbudget.web.schema.add_components",
        "smartbudget.web.examples.add_examples",
        "smartbudget.web.links.add_links",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ExpenseKind": "expenses.models.KINDS",
        "ExpenseStatus": "expenses.models.STATUSES",
        "NotificationType": "notifications.models.TYPES",
        "NotificationStatus": "notifications.models.STATUSES",
        "ReportType": "reports.periods.TYPES",
        "SubscriptionStatus": "notifications.subscriptions.STATES",
    },
}

# core.log configures logging. Django's default would mail errors to ADMINS, which is
# empty.
LOGGING_CONFIG = None
