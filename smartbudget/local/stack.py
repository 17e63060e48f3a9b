"""Run the whole system on one machine: local AWS, mailbox and web server."""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from smartbudget.local import assets, builds, environment
from smartbudget.local.deploy import deploy
from smartbudget.local.processes import Child, Record
from smartbudget.local.settings import (
    ACCOUNT,
    ADMIN_ACCESS_KEY,
    ADMIN_SECRET_KEY,
    CODE_BUCKET,
    REGION,
    ROOT,
    SENDER,
    TEMPLATE_PARAMETERS,
    LocalError,
    Settings,
)

READY_SECONDS = 60
DEMO_TAG = {"Key": "demo-data", "Value": "loaded"}


class LocalStack:
    """One running copy of the system.

    `start` starts each part after those it needs. The web server is the last, so when
    its /health responds, everything works.
    """

    def __init__(
        self, settings: Settings, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self.settings = settings
        self.outputs: dict[str, str] = {}  # of the templates
        self.aws: Child | None = None
        self.mailbox: Child | None = None
        self.web: Child | None = None
        self._say = say
        self._dir = settings.local_dir
        self._record = Record(self._dir / "processes.json")
        self._lock: Any = None
        self._python: Path | None = None

    # -- the whole system

    def start(self, *, demo: bool = True, web: bool = True) -> None:
        """Start every part, or raise LocalError with the reason."""
        try:
            self._start(demo=demo, web=web)
        except (BotoCoreError, ClientError) as exc:
            raise LocalError(f"The local AWS failed: {exc}") from exc

    def _start(self, *, demo: bool, web: bool) -> None:
        self._lock_folder()
        left_over = self._record.end_left_over()
        if left_over:
            self._say(f"Ended processes of the last run: {', '.join(left_over)}")
        self._check_ports()
        self._rotate_logs()
        self._report_lost_changes()
        self._write_credentials()
        with self._building():
            self._python = environment.ensure(self.settings.build_dir, self._say)
            self.start_aws(wait=False)
            self.start_mailbox(wait=False)
            self.deploy()
            if demo:
                self.load_demo()
            if web:
                self.start_web()

    def stop(self) -> None:
        """Stop every part: the web server, the local AWS, the mailbox.

        Safe to repeat.
        """
        for child in (self.web, self.aws, self.mailbox):
            if child is not None and not child.stop():
                self._say(f"The {child.name} did not stop in time and was ended.")
        self.web = self.aws = self.mailbox = None
        self._record.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def dead_part(self) -> Child | None:
        """Return a part that ended unexpectedly, or None."""
        return next((c for c in self._children if c.exit_code() is not None), None)

    # -- single parts

    def start_aws(self, *, wait: bool = True) -> None:
        """Start MiniStack with the state of the last run."""
        self._say("Starting the local AWS")
        if self._python is None:
            self._python = environment.ensure(self.settings.build_dir, self._say)
        scratch = self._dir / "aws" / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)  # left by a killed emulator
        # A Lambda of it that is still ending may have written there meanwhile.
        scratch.mkdir(parents=True, exist_ok=True)
        settings = self.settings
        env = {
            **_base_environment(),
            "TMPDIR": str(scratch),  # the Lambdas' unpacked code
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(settings.aws_port),
            "MINISTACK_HOST": "127.0.0.1",  # in queue and subscription addresses
            "MINISTACK_REGION": REGION,
            "MAILBOX_URL": settings.mailbox_url,  # receives what SES sends
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._dir / "aws" / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._dir / "aws" / "s3"),
            "SAVE_SECONDS": str(settings.save_seconds),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
            "LAMBDA_ASYNC_RETRY_MAX_SECONDS": "1",
            "LOG_LEVEL": "WARNING",
        }
        command = [
            str(self._python),
            "-u",
            str(Path(__file__).with_name("emulator.py")),
        ]
        self.aws = self._spawn("local AWS", command, env, "aws.log")
        if wait:
            self._wait_for(self.aws, f"{settings.aws_url}/_ministack/health")

    def start_mailbox(self, *, wait: bool = True) -> None:
        """Start the mailbox with the mails of the last run."""
        settings = self.settings
        command = [sys.executable, "-m", "smartbudget.local.mailbox"]
        command += ["--port", str(settings.mailbox_port)]
        command += ["--dir", str(self._dir / "mailbox"), "--aws-url", settings.aws_url]
        env = _base_environment()
        self.mailbox = self._spawn("mailbox", command, env, "mailbox.log")
        if wait:
            self._wait_for(self.mailbox, f"{settings.mailbox_url}/health")

    def deploy(self) -> None:
        """Build the Lambda zips and deploy the templates, if they changed."""
        settings = self.settings
        zips = builds.lambdas(settings.build_dir)
        self._wait_for(self._part(self.aws), f"{settings.aws_url}/_ministack/health")
        self._wait_for(self._part(self.mailbox), f"{settings.mailbox_url}/health")
        self._say("Deploying the templates in infra/")
        parameters = {
            **TEMPLATE_PARAMETERS,
            "AppUrl": settings.web_url,
            **settings.parameters,
        }
        self.outputs, _ = deploy(self.admin_session(), zips, parameters)
        if identity := parameters["EmailIdentity"]:
            self._verify_identity(identity)
        self._write_profile()

    def _verify_identity(self, identity: str) -> None:
        """Verify the sender of e-mails, as an operator does on AWS."""
        ses = self.admin_session().client("sesv2")
        try:
            ses.create_email_identity(EmailIdentity=identity)
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "AlreadyExistsException":
                raise

    def load_demo(self) -> None:
        """Load the demo data unless it is loaded already.

        This is recorded by a tag in the local AWS, which is saved and lost together
        with the data.
        """
        s3 = self.admin_session().client("s3")
        if _has_demo(s3):
            return
        self._say("Loading the demo data")
        command = [sys.executable, "-m", "smartbudget.local.demo"]
        loader = self._spawn("demo data", command, self.web_env(), "demo.log")
        try:
            code = loader.process.wait()
        finally:
            loader.kill()
        if code:
            reason = f"{loader.reason()} (see {loader.log})"
            raise LocalError(f"The demo data could not be loaded: {reason}")
        s3.put_bucket_tagging(Bucket=CODE_BUCKET, Tagging={"TagSet": [DEMO_TAG]})

    def start_web(self) -> None:
        """Start gunicorn under the web role and wait until it responds."""
        self._say("Starting the web server")
        settings = self.settings
        assets.collect(settings.build_dir)
        conf = Path(__file__).with_name("gunicorn_conf.py")
        command = [sys.executable, "-m", "gunicorn", "smartbudget.wsgi:application"]
        command += ["--config", str(conf), "--bind", f"127.0.0.1:{settings.web_port}"]
        self.web = self._spawn("web server", command, self.web_env(), "web.log")
        self._wait_for(self.web, f"{settings.web_url}/health")

    def restart_web(self) -> None:
        """Restart the web server with the current files.

        Raises LocalError if it does not start; the other parts keep running.
        """
        self._stop_web()
        try:
            self.start_web()
        except LocalError:
            self._stop_web()
            raise

    def _stop_web(self) -> None:
        if self.web is not None:
            self.web.stop()
        self.web = None

    # -- access

    def admin_session(self) -> Any:
        """Return the administrator's boto3 session for the local AWS."""
        return _session(
            self.settings.aws_url, ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY, token=None
        )

    def role_session(self, role: str, prefix: str | None = None) -> Any:
        """Return a boto3 session with a role of the templates.

        role: its name without "smart-budget-", such as "web" or a function's name.
        prefix: of a stage, or None for this one.
        """
        stage = self._prefix if prefix is None else prefix
        arn = f"arn:aws:iam::{ACCOUNT}:role/{stage}smart-budget-{role}"
        response = (
            self.admin_session()
            .client("sts")
            .assume_role(RoleArn=arn, RoleSessionName="local")
        )
        keys = response["Credentials"]
        return _session(
            self.settings.aws_url,
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            token=keys["SessionToken"],
        )

    def web_env(self) -> dict[str, str]:
        """Return the complete environment of the web server."""
        settings = self.settings
        return {
            **_base_environment(),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": settings.aws_url,
            "AWS_CONFIG_FILE": str(self._dir / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._dir / "aws-credentials"),
            "AWS_PROFILE": "web",
            "AWS_EC2_METADATA_DISABLED": "true",
            "DJANGO_SETTINGS_MODULE": "smartbudget.settings",
            "RESOURCE_PREFIX": self._prefix,
            "RECEIPTS_BUCKET": self.outputs.get("ReceiptsBucketName", ""),
            "SECRET_KEY": self._secret_key(),
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "APP_URL": settings.web_url,
            "EMAIL_SENDER": settings.parameters.get("EmailSender", SENDER),
            "SES_CONFIGURATION_SET": self.outputs.get("SesConfigurationSet", ""),
            "LOCAL": "true",
            "MAILBOX_URL": settings.mailbox_url,
            "MAX_RECEIVE_COUNT": settings.parameters.get("MaxReceiveCount", "5"),
            **settings.web_environment,
        }

    # -- helpers

    @property
    def _prefix(self) -> str:
        return self.settings.parameters.get("ResourcePrefix", "")

    @property
    def _children(self) -> list[Child]:
        return [c for c in (self.web, self.mailbox, self.aws) if c is not None]

    @staticmethod
    def _part(child: Child | None) -> Child:
        if child is None:
            raise LocalError("The local AWS and the mailbox are not running.")
        return child

    def _spawn(
        self, name: str, command: list[str], env: Mapping[str, str], log: str
    ) -> Child:
        path = self._dir / "logs" / log
        child = Child(name, command, env=env, cwd=ROOT, log=path)
        self._record.write([*self._children, child])
        return child

    @contextlib.contextmanager
    def _building(self) -> Iterator[None]:
        """Build zips and static files in another process, if this is the first start.

        `deploy` and `start_web` wait for its locks, then build what it could not.
        """
        build_dir = self.settings.build_dir
        if (build_dir / "lambdas").exists():
            yield
            return
        command = [sys.executable, "-m", "smartbudget.local.builds", str(build_dir)]
        builder = self._spawn("builder", command, os.environ, "builds.log")
        try:
            yield
        finally:
            builder.kill()

    def _wait_for(self, child: Child, url: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not _responds(url):
            if child.exit_code() is not None:
                reason = f"{child.reason()} (see {child.log})"
                raise LocalError(f"The {child.name} did not start: {reason}")
            if time.monotonic() > deadline:
                reason = f"did not respond within {READY_SECONDS} seconds"
                raise LocalError(f"The {child.name} {reason}; see {child.log}.")
            time.sleep(0.05)

    def _lock_folder(self) -> None:
        self._dir.mkdir(parents=True, exist_ok=True)
        lock = (self._dir / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            running = lock.read().strip() or "another process"
            lock.close()
            raise LocalError(
                f"A local stack is already running in {self._dir} (process {running});"
                " stop it, or set LOCAL_DIR and the three ports."
            ) from exc
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _check_ports(self) -> None:
        for variable, port in self.settings.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as exc:
                    raise LocalError(_port_sentence(variable, port, exc)) from exc

    def _rotate_logs(self) -> None:
        """Rename the logs of the last run and delete older ones."""
        for log in (self._dir / "logs").glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def _report_lost_changes(self) -> None:
        path = self._dir / "aws" / "state" / "current" / "saved.json"
        try:
            saved = json.loads(path.read_text())
        except (OSError, ValueError):
            return
        if not saved["clean"]:
            at = datetime.fromtimestamp(saved["saved_at"]).astimezone()
            self._say(
                "The local AWS was not stopped cleanly. What changed after its last"
                f" save, on {at:%Y-%m-%d} at {at:%H:%M:%S}, could not be kept."
            )

    def _secret_key(self) -> str:
        path = self._dir / "secret-key"
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(48))
        return path.read_text()

    def _write_credentials(self) -> None:
        """Write the administrator's credentials, for shells and the web profile."""
        exports = {
            "AWS_ENDPOINT_URL": self.settings.aws_url,
            "AWS_ACCESS_KEY_ID": ADMIN_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        lines = [f"export {name}={value}\n" for name, value in exports.items()]
        lines.append("unset AWS_PROFILE AWS_SESSION_TOKEN\n")
        _write_private(self._dir / "aws.env", "".join(lines))
        _write_private(
            self._dir / "aws-credentials",
            f"[local-admin]\naws_access_key_id = {ADMIN_ACCESS_KEY}\n"
            f"aws_secret_access_key = {ADMIN_SECRET_KEY}\n",
        )

    def _write_profile(self) -> None:
        """Write the web profile, which replaces the instance profile of AWS."""
        _write_private(
            self._dir / "aws-config",
            f"[profile local-admin]\nregion = {REGION}\n\n"
            f"[profile web]\nregion = {REGION}\n"
            f"role_arn = {self.outputs['WebRoleArn']}\n"
            "role_session_name = web\nsource_profile = local-admin\n",
        )


def _base_environment() -> dict[str, str]:
    """Return basic variables only: no credentials, no PYTHON variables."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
    return {name: os.environ[name] for name in names if name in os.environ}


def _session(url: str, key: str, secret: str, *, token: str | None) -> Any:
    session = boto3.Session(
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name=REGION,
    )
    create_client = session.client
    config = ClientConfig(retries={"total_max_attempts": 1}, connect_timeout=2)

    def client(service: str, **options: Any) -> Any:
        return create_client(
            service, **{"endpoint_url": url, "config": config, **options}
        )

    session.client = client
    return session


def _has_demo(s3: Any) -> bool:
    try:
        tags = s3.get_bucket_tagging(Bucket=CODE_BUCKET)["TagSet"]
    except ClientError:
        return False
    return DEMO_TAG in tags


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _port_sentence(variable: str, port: int, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use; set {variable} to a free one,"
            f" for example: {variable}={port + 1000 if port < 64000 else 8000} make run"
        )
    return f"Port {port} ({variable}) cannot be used: {exc.strerror}."


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with contextlib.closing(
        os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")
    ) as file:
        file.write(text)
    draft.replace(path)
