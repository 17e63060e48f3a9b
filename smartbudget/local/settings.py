"""Settings of the local stack, read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD_DIR = ROOT / ".local-build"
REGION = "us-east-1"
ACCOUNT = "000000000000"  # MiniStack's
STACK_NAME = "smart-budget"  # of the data; the names of the other stacks begin with it
CODE_BUCKET = "smart-budget-code"
# MiniStack accepts these as the account's root, without checking the signature.
ADMIN_ACCESS_KEY = "test"
ADMIN_SECRET_KEY = "test"
DEMO_USERNAME = "demo"
DEMO_PASSWORD = "plenty-of-pennies"

# Of e-mails about accounts. The local SES verifies the domain at once.
SENDER_DOMAIN = "smartbudget.example"
SENDER = f"Smart Budget Planner <accounts@{SENDER_DOMAIN}>"

# Template parameters for one machine. The message of a killed worker returns after the
# visibility timeout, which is therefore short.
TEMPLATE_PARAMETERS = {
    "ReceiptsBucketName": "smart-budget-receipts",
    "CodeBucket": CODE_BUCKET,
    "NotificationTimeoutSeconds": "15",
    "QueueVisibilitySeconds": "15",
    "SweepSchedule": "rate(1 minute)",
    "Shift": "AtOnce",
    "Local": "true",
    "EmailIdentity": SENDER_DOMAIN,
    "EmailSender": SENDER,
}
# Environment variables that `make run` passes on to the web server.
PASSED_ON = (
    "LOG_LEVEL",
    "REGISTER_LIMIT",
    "LOGIN_ACCOUNT_LIMIT",
    "LOGIN_ADDRESS_LIMIT",
    "SESSION_IDLE_MINUTES",
    "SUBSCRIPTION_LIMIT",
    "API_RATE_LIMIT",
    "PAGE_RATE_LIMIT",
    "READS_PER_USER",
)


class LocalError(RuntimeError):
    """The local stack cannot continue; the message is a sentence for the user."""


@dataclass(frozen=True)
class Settings:
    """The folder of a local stack and its ports on 127.0.0.1."""

    local_dir: Path  # state, logs and credentials of one stack
    web_port: int = 8000
    aws_port: int = 4566
    mailbox_port: int = 8025
    build_dir: Path = BUILD_DIR  # shared by all stacks of a checkout
    save_seconds: float = 2.0  # a crash of the local AWS loses at most this; 0: all
    parameters: Mapping[str, str] = field(default_factory=dict)  # more for templates
    web_environment: Mapping[str, str] = field(default_factory=dict)  # more variables

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Return the settings. Raises LocalError naming an invalid variable."""
        return cls(
            local_dir=Path(env.get("LOCAL_DIR") or ROOT / ".local").resolve(),
            web_port=_port(env, "WEB_PORT", 8000),
            aws_port=_port(env, "AWS_PORT", 4566),
            mailbox_port=_port(env, "MAILBOX_PORT", 8025),
            web_environment={name: env[name] for name in PASSED_ON if name in env},
        )

    @property
    def web_url(self) -> str:
        """The base URL of the pages and the API.

        A host name, since passkeys do not work on an IP address.
        """
        return f"http://localhost:{self.web_port}"

    @property
    def aws_url(self) -> str:
        """The endpoint of every AWS service."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def mailbox_url(self) -> str:
        """The base URL of the mailbox."""
        return f"http://127.0.0.1:{self.mailbox_port}"

    @property
    def ports(self) -> dict[str, int]:
        """{environment variable: port}."""
        return {
            "WEB_PORT": self.web_port,
            "AWS_PORT": self.aws_port,
            "MAILBOX_PORT": self.mailbox_port,
        }


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise LocalError(f"{name} must be a port from 1 to 65535, not {value!r}.")
    return int(value)
