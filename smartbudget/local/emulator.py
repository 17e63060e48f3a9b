"""Run MiniStack, the local AWS, and save its state while it runs.

Started by its path with the interpreter of MiniStack's virtual environment, so it
cannot import the project. MiniStack only writes its state when it stops; this also
writes it every SAVE_SECONDS if something may have changed. Like Redis, it forks: the
child writes a consistent snapshot of all services while the parent continues to serve.
A finished snapshot becomes the current one by renaming a link, so a crash never leaves
a partial state.

    <STATE_DIR>/current -> snapshot-<n>/    one file per service, and saved.json
    <STATE_DIR>/lambda-blobs/               function code, by content

It stops on SIGTERM, and when standard input closes.

Why: docs/decisions.md#the-local-aws-is-ministack-in-a-separate-environment
"""

import asyncio
import contextlib
import copy
import fcntl
import gc
import hashlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
import zipfile
from collections.abc import Callable, Iterator
from email.utils import parseaddr
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as gateway
from ministack.core import iam_actions, lambda_runtime, persistence
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc, ses_v2, sts

import dynamodb_index  # started by path, so modules beside this file are found

STATE = Path(os.environ["STATE_DIR"])
SAVE_SECONDS = float(os.environ.get("SAVE_SECONDS", "0"))
SNAPSHOT_LIMIT_SECONDS = 60  # ends a child that hangs on a lock
READ_OPERATIONS = (b".Get", b".BatchGet", b".Query", b".Scan", b".Describe", b".List")

logger = logging.getLogger("emulator")
Services = dict[str, Callable[[], Any]]


class Activity:
    """An ASGI wrapper that records whether state may have changed."""

    def __init__(self) -> None:
        self.changed = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request through MiniStack, and record whether it may write."""
        try:
            await gateway.app(scope, receive, send)
        finally:
            if scope["type"] == "http" and _may_write(scope):
                self.changed = True


def _may_write(scope: dict[str, Any]) -> bool:
    if scope["method"] in {"GET", "HEAD"}:
        # Links in SNS messages confirm and unsubscribe with a GET.
        return b"Action=" in scope["query_string"]
    operation = dict(scope["headers"]).get(b"x-amz-target", b"")
    return not any(name in operation for name in READ_OPERATIONS)


def write_snapshot(services: Services, *, clean: bool) -> None:
    """Write every service's state and make it the current one.

    clean: whether this is the final state of a clean stop. Any failure raises and
    leaves the current state unchanged.
    """
    with state_lock():
        _write_snapshot(services, clean=clean)


@contextlib.contextmanager
def state_lock() -> Iterator[None]:
    """Lock the state folder, waiting for the child of an emulator that was killed."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_snapshot(services: Services, *, clean: bool) -> None:
    current = STATE / "current"
    draft = STATE / f"snapshot-{time.time_ns()}"
    draft.mkdir()
    with contextlib.ExitStack() as failure:
        failure.callback(shutil.rmtree, draft, ignore_errors=True)
        if current.exists():  # also has the services that were not loaded in this run
            for path in current.glob("*.json"):
                os.link(path, draft / path.name)
        persistence.STATE_DIR = str(draft)
        for name, get_state in services.items():
            _write_service(draft / f"{name}.json", get_state())
        _write_saved(draft, clean=clean)
        link = STATE / f"link-{draft.name}"
        link.symlink_to(draft.name)
        link.replace(current)
        failure.pop_all()
    for path in STATE.glob("snapshot-*"):
        if path != draft:
            shutil.rmtree(path, ignore_errors=True)


def _write_service(path: Path, state: Any) -> None:
    if state is None:  # keep the stored state
        return
    path.unlink(missing_ok=True)
    persistence.save_state(path.stem, state)  # only logs its errors
    if not path.exists():
        raise RuntimeError(f"the state of {path.stem} could not be written")


def _write_saved(draft: Path, *, clean: bool) -> None:
    path = draft / "saved.json"
    path.unlink(missing_ok=True)  # it may be linked to the previous snapshot's
    path.write_text(json.dumps({"saved_at": time.time(), "clean": clean}))


def fork_snapshot() -> int:
    """Write a snapshot in a child process and return the child's id."""
    services = gateway._build_persistence_save_dict()
    with warnings.catch_warnings():
        # With threads, a fork can leave a lock held in the child. The alarm then ends
        # the child, and the next snapshot is attempted.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.alarm(SNAPSHOT_LIMIT_SECONDS)
        os.closerange(3, 65536)  # or connections would stay open until the child ends
        os.nice(5)
        gc.disable()
        copy.deepcopy = lambda value, memo=None: value  # the fork is already a copy
        lambda_svc._prune_orphan_code_blobs = lambda referenced: None
        write_snapshot(services, clean=False)
        status = 0
    finally:
        if status:
            logger.error("snapshot failed", exc_info=True)
        os._exit(status)


async def save_regularly(activity: Activity) -> None:
    """Write a snapshot every SAVE_SECONDS if something may have changed.

    One more follows the last change, for work that continues after a request.
    """
    pending = False
    while True:
        await asyncio.sleep(SAVE_SECONDS)
        if not (activity.changed or pending):
            continue
        pending, activity.changed = activity.changed, False
        pending = not await _succeeds(fork_snapshot()) or pending


async def _succeeds(child: int) -> bool:
    try:
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status == 0
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        # It must not replace the final snapshot, which is newer.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def patch_authorization() -> None:
    """Patch two differences between MiniStack's IAM and AWS's.

    On AWS, sqs:SendMessage also allows SendMessageBatch; MiniStack requires a separate
    permission. A condition on dynamodb:LeadingKeys checks the item's key on AWS;
    MiniStack does not provide the key and allows the call. In transactions it still
    does so.
    """
    extract = iam_actions.extract_iam_action
    context = iam_actions.dynamodb_service_context

    def extract_iam_action(service: str, *request: Any) -> str | None:
        action = extract(service, *request)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    def dynamodb_service_context(body: bytes) -> dict[str, Any]:
        known: dict[str, Any] = context(body)
        request = json.loads(body or b"{}")
        key = request.get("Key")  # has one attribute in all tables
        for table, name in (("users", "user_id"), ("budgets", "budget_id")):
            if "Item" in request and request.get("TableName", "").endswith(table):
                key = {name: request["Item"][name]}
        if isinstance(key, dict):
            known["dynamodb:LeadingKeys"] = [
                value for typed in key.values() for value in typed.values()
            ]
        return known

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.dynamodb_service_context = dynamodb_service_context


def patch_alias_configuration() -> None:
    """Patch asynchronous invocations of an alias to use the alias's configuration.

    MiniStack uses that of $LATEST, and ignores the alias's retries and its queue for
    failed events.
    """
    invoke = lambda_svc.invoke_async_with_retry

    def invoke_async_with_retry(function: dict[str, Any], event: Any) -> None:
        config = function["config"]
        qualifier = config["FunctionArn"].partition(":function:")[2].partition(":")[2]
        record = lambda_svc._functions[config["FunctionName"]]
        invoke_config = (record.get("event_invoke_configs") or {}).get(qualifier)
        invoke(
            {**function, "event_invoke_config": invoke_config}
            if invoke_config
            else function,
            event,
        )

    lambda_svc.invoke_async_with_retry = invoke_async_with_retry


def patch_concurrency() -> None:
    """Patch the concurrency of a queue's mapping to be a number.

    From a template's parameter, MiniStack stores it as text, fails to compare it with
    the number of running batches, and receives no messages.
    """
    concurrency = lambda_svc._sqs_esm_concurrency

    def sqs_esm_concurrency(mapping: dict[str, Any], *more: Any) -> int:
        scaling = mapping.get("ScalingConfig") or {}
        numbers = {name: int(value) for name, value in scaling.items()}
        allowed: int = concurrency({**mapping, "ScalingConfig": numbers}, *more)
        return allowed

    lambda_svc._sqs_esm_concurrency = sqs_esm_concurrency


class UnpackedOnce(zipfile.ZipFile):
    """A function's code: unpacked once, then linked."""

    _unpacking = threading.Lock()

    def extractall(self, path: str) -> None:  # type: ignore[override]
        """Replace an empty folder by a link to the unpacked code."""
        content = [(entry.filename, entry.CRC) for entry in self.infolist()]
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        unpacked = Path(tempfile.gettempdir()) / f"code-{digest}"
        with self._unpacking:
            if not unpacked.exists():
                draft = unpacked.with_suffix(".draft")
                super().extractall(draft)
                draft.rename(unpacked)
        folder = Path(path)
        folder.rmdir()
        folder.symlink_to(unpacked)


def patch_mail() -> None:
    """Patch SES to check permissions as AWS does, and to deliver to the mailbox.

    AWS authorizes SendEmail on the sender's identity and on the configuration set;
    MiniStack requires a permission for `*`.
    """
    enforce = gateway._enforce_ses_v2

    def enforce_ses_v2(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        request_id: str,
    ) -> Any:
        if (method, path.rstrip("/")) != ("POST", "/v2/email/outbound-emails"):
            return enforce(method, path, headers, body, query, request_id)
        for resource in _resources_of_mail(json.loads(body or b"{}")):
            arn = f"arn:aws:ses:{get_region()}:{get_account_id()}:{resource}"
            denied = gateway._enforce_data_plane(
                "sesv2",
                "ses:SendEmail",
                headers,
                query,
                request_id,
                resource_arn=arn,
                named_resource=arn,
            )
            if denied:
                return denied
        return None

    gateway._enforce_ses_v2 = enforce_ses_v2
    if mailbox_url := os.environ.get("MAILBOX_URL"):
        ses_v2._smtp_relay = lambda source, addresses, message: threading.Thread(
            target=_deliver, args=(mailbox_url, addresses, message), daemon=True
        ).start()


def _resources_of_mail(request: dict[str, Any]) -> list[str]:
    """Return the identity and the configuration set that an e-mail uses."""
    address = parseaddr(request.get("FromEmailAddress", ""))[1]
    domain = address.rpartition("@")[2]
    identity = address if address in ses_v2._identities else domain
    configuration_set = request.get("ConfigurationSetName")
    return [
        f"identity/{identity}",
        *([f"configuration-set/{configuration_set}"] if configuration_set else []),
    ]


def _deliver(mailbox_url: str, addresses: list[str], message: str) -> None:
    for address in addresses:
        url = f"{mailbox_url}/mail/{quote(address, safe='')}"
        try:
            urllib.request.urlopen(url, message.encode(), timeout=10).close()
        except OSError:
            logger.warning("mail lost, the mailbox did not take it", exc_info=True)


def patch_unpacking() -> None:
    """Patch the environments of a Lambda to share its unpacked code.

    MiniStack unpacks it for each, up to 2,300 files. On AWS it is read-only.
    """
    lambda_runtime.zipfile = SimpleNamespace(
        **{**vars(zipfile), "ZipFile": UnpackedOnce}
    )


def patch_ministack() -> None:
    """Apply all patches of MiniStack's services."""
    patch_authorization()
    patch_alias_configuration()
    patch_concurrency()
    patch_mail()
    patch_unpacking()
    dynamodb_index.install()


async def main() -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def watch_lifeline() -> None:
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=watch_lifeline, daemon=True).start()
    persistence.STATE_DIR = str(STATE / "current")
    gateway.save_all = lambda services: write_snapshot(services, clean=True)
    # MiniStack loses role sessions when it stops, which AWS never does.
    sts.get_state = lambda: {"sessions": sts._sessions}
    sts.load_persisted_state = lambda state: sts._sessions.update(state["sessions"])
    patch_ministack()
    activity = Activity()
    saver = asyncio.create_task(save_regularly(activity)) if SAVE_SECONDS else None
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1  # idle connections of warm Lambdas stay open
    config.loglevel = os.environ.get("LOG_LEVEL", "WARNING")

    async def stop() -> None:
        await stopping.wait()
        if saver:
            saver.cancel()
            await asyncio.wait([saver])

    with state_lock():
        pass  # wait for the child of an earlier emulator
    await serve(activity, config, shutdown_trigger=stop)


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # MiniStack's threads are not daemons; its state is written already
