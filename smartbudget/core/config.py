"""Read the environment variables; no other module does.

Django's settings and the Lambdas use these values, so a variable has one name, one
parser and one comment with its unit.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import getaddresses


class ConfigError(RuntimeError):
    """A variable is missing or invalid; the message names it."""


@dataclass(frozen=True)
class Config:
    """The configuration of this process."""

    region: str  # AWS region
    aws_endpoint: str | None  # URL of the local AWS; None on AWS
    resource_prefix: str  # stage prefix of table, queue, topic and function names
    receipts_bucket: str  # bucket names are global, so each stage has its own
    app_url: str  # base URL of the pages; no trailing slash
    secret_key: str | None  # signs cursors and fingerprints; None in the Lambdas
    secret_key_fallbacks: tuple[str, ...]  # older keys that are still accepted
    allowed_hosts: tuple[str, ...]
    local: bool  # plain HTTP on one machine: cookies are not Secure, no HSTS
    mailbox_url: str | None  # local only: SNS delivers mails here
    email_transport: str  # `sns` or `ses`
    # As in `Smart Budget Planner <alerts@example.com>`; "": no e-mail about accounts
    email_sender: str
    support_email: str | None  # contact address for locked users
    ses_configuration_set: str | None  # publishes bounces and complaints
    max_receive_count: int  # attempts SQS makes before it dead-letters a message
    sweep_limit: int  # messages in the queue with which no planned work is added
    throttle_wait: int  # seconds to wait for a busy service at first, without jitter
    proxy_count: int  # trusted proxies in front, for the client's address
    register_limit: int  # registrations per address and hour
    login_account_limit: int  # failed logins per username or e-mail in 15 minutes
    login_address_limit: int  # failed logins per address in 15 minutes
    # A session without a request for so long ends; 0: only 14 days after the login.
    session_idle_minutes: int
    # New subscriptions to e-mails, per account and hour, and per address and day.
    subscription_limit: int
    api_rate_limit: int  # API requests per caller and minute; 0: unlimited
    page_rate_limit: int  # pages and thumbnails per caller and minute; 0: unlimited
    daily_check_segments: int  # chains of runs that share the users of the daily check
    reads_per_user: int  # concurrent long reads per user and process; 0: unlimited
    # A report of more expenses is created in the background; see `reports.queued`.
    direct_report_expenses: int
    log_level: str
    web_processes: int  # of gunicorn; 0: one per CPU, at least two
    web_threads: int  # per process; each handles one request at a time
    body_seconds: int  # time limit for receiving a request's body
    health_key: str | None  # required to see the details of /health/ready

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Config":
        """Return the configuration.

        Raises ConfigError naming a missing or invalid variable.
        """
        local = _boolean(env, "LOCAL", default=False)
        transport = _one_of(env, "EMAIL_TRANSPORT", ("sns", "ses"))
        # Several keys in one variable allow rotation without downtime; the first signs.
        secret_keys = _list(env, "SECRET_KEY")
        sender = _sender(env, required=transport == "ses")
        app_url = env.get("APP_URL", "http://localhost:8000").rstrip("/")
        if sender and not app_url.startswith(("http://", "https://")):
            raise ConfigError("APP_URL must be set: mails sent by SES contain links.")
        return cls(
            region=_required(env, "AWS_REGION", "AWS_DEFAULT_REGION"),
            aws_endpoint=env.get("AWS_ENDPOINT_URL") or None,
            resource_prefix=env.get("RESOURCE_PREFIX", ""),
            receipts_bucket=env.get("RECEIPTS_BUCKET", "smart-budget-receipts"),
            app_url=app_url,
            secret_key=next(iter(secret_keys), None),
            secret_key_fallbacks=secret_keys[1:],
            allowed_hosts=tuple(env.get("ALLOWED_HOSTS", "").replace(",", " ").split()),
            local=local,
            mailbox_url=(env.get("MAILBOX_URL") or None) if local else None,
            email_transport=transport,
            email_sender=sender,
            support_email=env.get("SUPPORT_EMAIL") or None,
            ses_configuration_set=env.get("SES_CONFIGURATION_SET") or None,
            max_receive_count=_integer(env, "MAX_RECEIVE_COUNT", default=5),
            sweep_limit=_integer(env, "SWEEP_LIMIT", default=2000),
            throttle_wait=_integer(env, "THROTTLE_WAIT_SECONDS", default=60),
            proxy_count=_integer(env, "PROXY_COUNT", default=0 if local else 2),
            register_limit=_integer(env, "REGISTER_LIMIT", default=100),
            login_account_limit=_integer(env, "LOGIN_ACCOUNT_LIMIT", default=10),
            login_address_limit=_integer(env, "LOGIN_ADDRESS_LIMIT", default=100),
            session_idle_minutes=_idle_minutes(env, default=3 * 24 * 60),
            subscription_limit=_integer(env, "SUBSCRIPTION_LIMIT", default=10),
            api_rate_limit=_integer(env, "API_RATE_LIMIT", default=600),
            page_rate_limit=_integer(env, "PAGE_RATE_LIMIT", default=1200),
            daily_check_segments=_segments(env, "DAILY_CHECK_SEGMENTS"),
            reads_per_user=_integer(env, "READS_PER_USER", default=4),
            direct_report_expenses=_integer(
                env, "DIRECT_REPORT_EXPENSES", default=20_000
            ),
            log_level=env.get("LOG_LEVEL", "INFO"),
            web_processes=_integer(env, "WEB_CONCURRENCY", default=0),
            web_threads=_integer(env, "WEB_THREADS", default=8),
            body_seconds=_integer(env, "BODY_SECONDS", default=30),
            health_key=_key(env, "HEALTH_KEY"),
        )


def _required(env: Mapping[str, str], *names: str) -> str:
    for name in names:
        if env.get(name):
            return env[name]
    raise ConfigError(f"{names[0]} is not set.")


def _list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(filter(None, env.get(name, "").split(",")))


def _boolean(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name, "").strip().lower()
    if value in {"", "true", "false"}:
        return default if not value else value == "true"
    raise ConfigError(f"{name} must be true or false, not {value!r}.")


def _one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = env.get(name, "").strip().lower() or choices[0]
    if value not in choices:
        raise ConfigError(f"{name} must be {' or '.join(choices)}, not {value!r}.")
    return value


def _sender(env: Mapping[str, str], *, required: bool) -> str:
    value = env.get("EMAIL_SENDER", "").strip()
    if not value and not required:
        return ""
    # Elastic Beanstalk allows no brackets (docs/aws.md#environment-properties).
    name, _, address = value.rpartition(" ")
    if name and "<" not in value and "@" not in name:
        value = f"{name} <{address}>"
    addresses = [address for _, address in getaddresses([value])]
    local, _, domain = ", ".join(addresses).rpartition("@")
    is_plain = value.isascii() and value.isprintable()
    if not (is_plain and len(addresses) == 1 and local and "." in domain):
        raise ConfigError(
            "EMAIL_SENDER must be the sender of mails, as in"
            f" Smart Budget Planner <alerts@example.com>, not {value!r}."
        )
    return value


def _key(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name, "").strip()
    if value and len(value) < 32:
        raise ConfigError(f"{name} must have at least 32 characters.")
    return value or None


def _idle_minutes(env: Mapping[str, str], *, default: int) -> int:
    minutes = _integer(env, "SESSION_IDLE_MINUTES", default=default)
    if 0 < minutes < 15:  # the last use is stored every five minutes
        raise ConfigError("SESSION_IDLE_MINUTES must be 0, or 15 or more.")
    return minutes


def _segments(env: Mapping[str, str], name: str) -> int:
    """Return the length of a list such as 0,1,2,3; the templates have no numbers."""
    numbers = _list(env, name) or ("0",)
    if numbers != tuple(map(str, range(len(numbers)))):
        raise ConfigError(f"{name} must be 0 or 0,1 or 0,1,2 and so on.")
    return len(numbers)


def _integer(env: Mapping[str, str], name: str, *, default: int) -> int:
    value = env.get(name, "").strip()
    if not value:
        return default
    if not value.isdigit():
        raise ConfigError(f"{name} must be a whole number, not {value!r}.")
    return int(value)


config = Config.from_env()
