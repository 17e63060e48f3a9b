"""Replace the secret key of a stage without affecting users, one step per command.

    python -m infra.rotate_key --stage main add --apply

Steps: `add` a key that servers accept, `use` it first, `encrypt` stored secrets under
it, `remove` the older key a day later. `status` shows the next one, and `health`
replaces the health key. docs/operations.md#secrets explains them. A step can be stopped
and repeated; it refuses to run before the step it needs. Needs an administrator.

The id of the secret's version begins with the step that stored it.
"""

import datetime
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra import stage as stages
from infra.build_lambdas import ROOT
from infra.changesets import DeployError
from infra.deploy import Environment
from infra.stage import Stage, StageError
from infra.writers import ENVIRONMENT

KEY_BYTES = 32  # as 64 hexadecimal digits, without characters that shells change
# Stored responses of requests with an Idempotency-Key, and logins between two steps,
# may need the older key for so long.
KEPT_HOURS = 24
ADDED, USED = "add", "use"  # the steps after which two keys are stored


@dataclass(frozen=True)
class KeyRing:
    """The current version of the secret."""

    keys: tuple[str, ...]  # the first signs and encrypts
    version: str
    created_at: datetime.datetime

    @property
    def step(self) -> str | None:
        """The step that the rotation has reached, or None if none is under way."""
        step = self.version.partition("-")[0]
        if len(self.keys) == 1:
            return None
        if len(self.keys) == 2 and step in {ADDED, USED}:
            return step
        raise StageError(
            f"The secret has {len(self.keys)} keys that were stored by hand. Store the"
            " first alone, after `manage.py encrypt_secrets` with all of them."
        )


class Secret:
    """A secret of a stage in Secrets Manager."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = f"{stage.prefix}smart-budget-{name}"
        self.client = stage.client("secretsmanager")

    def read(self) -> KeyRing:
        """Return the current version."""
        value = self.client.get_secret_value(SecretId=self.name)
        keys = tuple(value["SecretString"].split(","))
        return KeyRing(keys, value["VersionId"], value["CreatedDate"])

    def replace(self, ring: KeyRing, keys: tuple[str, ...], step: str) -> None:
        """Replace the version `ring` by `keys`, unless another operator has done so.

        Why in two calls: docs/aws.md#versions-of-a-secret
        """
        version = f"{step}-{uuid.uuid4().hex}"
        self.client.put_secret_value(
            SecretId=self.name,
            SecretString=",".join(keys),
            ClientRequestToken=version,
            VersionStages=["AWSPENDING"],
        )
        self.client.update_secret_version_stage(
            SecretId=self.name,
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
            RemoveFromVersionId=ring.version,
        )


def status(stage: Stage) -> None:
    """Print the state of the rotation and its next step."""
    ring = Secret(stage, "secret-key").read()
    stage.print_line(
        f"{len(ring.keys)} keys since {ring.created_at.astimezone(datetime.UTC)}. "
        + {
            None: "No rotation is under way; `add` begins one.",
            ADDED: "Servers accept the new key. Next: `use`.",
            USED: f"Servers use the new key. Next: `encrypt`, and `remove` after"
            f" {KEPT_HOURS} hours.",
        }[ring.step]
    )


def add(stage: Stage) -> None:
    """Store a new key after the one in use, and restart the servers."""
    secret = Secret(stage, "secret-key")
    ring = secret.read()
    if ring.step == USED:
        raise StageError("A rotation is under way. Next: `encrypt`, then `remove`.")
    if ring.step is None:
        keys = (ring.keys[0], secrets.token_hex(KEY_BYTES))
        stage.change("add a new key", secret.replace, ring=ring, keys=keys, step=ADDED)
    _restart(stage)
    _next(stage, "`use`.")


def use(stage: Stage) -> None:
    """Put the new key first, and restart the servers."""
    secret = Secret(stage, "secret-key")
    ring = secret.read()
    if ring.step is None:
        raise StageError("There is one key. Run `add` first.")
    if ring.step == ADDED:
        keys = (ring.keys[1], ring.keys[0])
        stage.change("use the new key", secret.replace, ring=ring, keys=keys, step=USED)
    _restart(stage)
    _next(stage, f"`encrypt`, then `remove` after {KEPT_HOURS} hours.")


def encrypt(stage: Stage) -> None:
    """Encrypt stored secrets under the new key."""
    ring = Secret(stage, "secret-key").read()
    if ring.step != USED:
        raise StageError("The new key is not in use. Run `add` and `use` first.")
    stage.change("encrypt stored secrets under the new key", lambda: None)
    _encrypt_secrets(stage, ring.keys, *([] if stage.apply else ["--dry-run"]))
    _next(stage, f"`remove`, {KEPT_HOURS} hours after `use`.")


def remove(stage: Stage, *, leaked: bool = False) -> None:
    """Remove the older key, if nothing needs it, and restart the servers.

    leaked: it is known to others, so do not wait for KEPT_HOURS.
    """
    secret = Secret(stage, "secret-key")
    ring = secret.read()
    if ring.step == ADDED:
        raise StageError("The older key is in use. Run `use` and `encrypt` first.")
    if ring.step == USED:
        _require_unused(stage, ring, leaked=leaked)
        keys = ring.keys[:1]
        stage.change(
            "remove the older key", secret.replace, ring=ring, keys=keys, step="remove"
        )
    _restart(stage)
    if stage.apply:
        stage.print_line(
            "Done. The older key stays in the version AWSPREVIOUS until the next."
        )


def health(stage: Stage) -> None:
    """Replace the health key, and restart the servers."""
    secret = Secret(stage, "health-key")
    keys = (secrets.token_hex(KEY_BYTES),)
    stage.change(
        "replace the health key",
        secret.replace,
        ring=secret.read(),
        keys=keys,
        step="health",
    )
    _restart(stage)
    _next(stage, f"give monitoring the new value of {secret.name}.")


def _require_unused(stage: Stage, ring: KeyRing, *, leaked: bool) -> None:
    kept_until = ring.created_at + datetime.timedelta(hours=KEPT_HOURS)
    if not leaked and datetime.datetime.now(datetime.UTC) < kept_until:
        raise StageError(
            f"Responses may need the older key until {kept_until}. If others know it,"
            " remove it now with --leaked."
        )
    try:
        _encrypt_secrets(stage, ring.keys[:1], "--dry-run")
    except StageError as error:
        raise StageError(
            f"Run `encrypt` first. The new key is not enough: {error}"
        ) from error


def _encrypt_secrets(stage: Stage, keys: tuple[str, ...], *options: str) -> None:
    """Run `manage.py encrypt_secrets`. Raises StageError if a key is missing."""
    done = subprocess.run(  # noqa: S603 - a command of this project
        [sys.executable, ROOT / "manage.py", "encrypt_secrets", *options],
        env={
            **os.environ,
            "AWS_REGION": stage.session.region_name,
            "RESOURCE_PREFIX": stage.prefix,
            "SECRET_KEY": ",".join(keys),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StageError(done.stderr.strip())
    stage.print_line(done.stdout.strip())


def _restart(stage: Stage) -> None:
    """Restart the servers and wait until they are healthy.

    Why: docs/aws.md#secrets-of-running-servers
    """
    name = f"{stage.prefix}{ENVIRONMENT}"
    beanstalk = stage.client("elasticbeanstalk")
    stage.change(f"restart {name}", beanstalk.restart_app_server, EnvironmentName=name)
    if not stage.apply:
        return
    stage.sleep(stage.poll_seconds)  # until the environment is no longer Ready
    try:
        Environment(beanstalk, None, name).require_healthy()
    except DeployError as error:
        raise StageError(f"{error} Repair it, then run the same step again.") from error


def _next(stage: Stage, step: str) -> None:
    if stage.apply:
        stage.print_line(f"Next: {step}")


STEPS: dict[str, Callable[..., None]] = {
    "status": status,
    "add": add,
    "use": use,
    "encrypt": encrypt,
    "remove": remove,
    "health": health,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the step of the command line, or exit with the reason."""
    parser = stages.parser("infra.rotate_key", __doc__, STEPS)
    parser.add_argument(
        "--leaked", action="store_true", help="remove: without waiting for a day"
    )
    options = parser.parse_args(arguments)
    extra: dict[str, Any] = {"leaked": True} if options.leaked else {}
    if extra and options.step != "remove":
        parser.error("--leaked is for the step remove")
    stages.run(options, lambda stage: STEPS[options.step](stage, **extra))


if __name__ == "__main__":
    main()
