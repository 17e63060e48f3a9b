"""Faults between a stack's parts and its AWS, injected by microburst as HTTP proxy.

A proxy, not an endpoint, because signatures cover the host. microburst has the faults;
this module starts and configures it, and kills the processes behind it.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

import smartbudget.local
from smartbudget.local.processes import Child
from smartbudget.local.settings import REGION, ROOT
from tests.stack import Stack, free_ports, wait_until

FUNCTION = "notification_processor"
ATTEMPTS = 3  # at each call to DynamoDB

Fault = dict[str, Any]  # the effect of a microburst rule
DOWN: Fault = {"reset": True}
REPLY_LOST: Fault = {"response": {"abort_bytes": 0}}
HELD: Fault = {"timeout_ms": 600_000}  # AWS does not get the call
HELD_AFTER: Fault = {"response": {"bandwidth_kbps": 1e-6}}  # AWS executed the call


def refused(code: str) -> Fault:
    """Return a fault: AWS answers with this error, with its message and status."""
    return {"error": {"code": code}}


def slow(seconds: float) -> Fault:
    """Return a fault: AWS gets the call after a delay."""
    return {"latency": seconds * 1000}


# It would survive killed tests, so all parts end with their parent. It would also read
# all of botocore's models, for 4 s, to recognize host names; ours is an address.
MICROBURST = """
import os, sys, threading
from botocore.session import Session
from microburst.cli import main
Session.get_available_services = lambda *arguments: []
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
main()
"""


class Faults:
    """A microburst process, and the faults of calls through it."""

    def __init__(self, aws_url: str, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._rules = f"{self.url}/_microburst/rules"
        self._fired = f"{self.url}/_microburst/fired"
        command = [sys.executable, "-c", MICROBURST]
        command += ["--upstream", aws_url, "--port", str(port)]
        log = folder / "microburst.log"
        env = {"PATH": os.environ["PATH"]}
        self.process = Child("microburst", command, env=env, cwd=folder, log=log)
        wait_until(lambda: _answers(f"{self.url}/_microburst/health"))
        self._warm_up(aws_url)

    def _warm_up(self, aws_url: str) -> None:
        """Make microburst load its service models, or tested callers might time out."""
        patient = Config(proxies={"http": self.url}, read_timeout=60)
        known = {"region_name": REGION, "endpoint_url": aws_url, "config": patient}
        known |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        boto3.client("dynamodb", **known).list_tables()
        boto3.client("sns", **known).list_topics()
        boto3.client("sqs", **known).list_queues()

    @contextlib.contextmanager
    def __call__(
        self, call: str, fault: Fault, *, times: int | None = None, body: str = ""
    ) -> Iterator[Callable[[], int]]:
        """Inject a fault into calls during a block; yield a function with their count.

        call: `service:Operation`, or `service` for all of it. times: the first so many;
        None for all. body: a JMESPath condition on the request.
        """
        service, _, operation = call.partition(":")
        rule = {"service": service, **fault}
        options = {"operation": operation, "times": times, "body": body}
        rule.update({name: value for name, value in options.items() if value})
        requests.delete(self._fired, timeout=30)
        requests.post(self._rules, json=[rule], timeout=30).raise_for_status()
        try:
            yield lambda: len(requests.get(self._fired, timeout=30).json())
        finally:
            requests.delete(self._rules, json=[], timeout=30)

    def end(self) -> None:
        self.process.kill()  # it would wait for the calls it delays


class FaultyWeb:
    """An additional web server of a stack, which shares everything else."""

    def __init__(
        self, stack: Stack, folder: Path, *, processes: int = 2, **environment: str
    ) -> None:
        (port,) = free_ports(1)
        self.stack = stack
        self.processes = processes
        self.environment = environment
        self.faults = Faults(stack.aws_url, folder)
        self.web_url = f"http://localhost:{port}"
        self.log = folder / "web.log"
        self._start()
        self.wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stack, name)

    def _start(self) -> None:
        conf = Path(smartbudget.local.__path__[0]) / "gunicorn_conf.py"
        command = [sys.executable, "-m", "gunicorn", "smartbudget.wsgi:application"]
        command += [
            "--config",
            str(conf),
            "--bind",
            self.web_url.removeprefix("http://"),
            "--workers",
            str(self.processes),
        ]
        env = {**self.stack.local.web_env(), "HTTP_PROXY": self.faults.url}
        env |= self.environment
        self.process = Child("web server", command, env=env, cwd=ROOT, log=self.log)

    def wait(self) -> None:
        """Wait until the server answers."""
        wait_until(lambda: _answers(f"{self.web_url}/health"))

    def kill(self) -> None:
        """Kill the server with SIGKILL and start the next one without waiting."""
        self.process.kill()
        self._start()

    def end(self) -> None:
        self.process.stop()
        self.faults.end()


class FaultyProcessor:
    """The queue's Lambda, connected to AWS through microburst.

    Failed messages are received again after RETRY_SECONDS, throttled ones after half to
    all of THROTTLE_WAIT_SECONDS, which doubles.
    """

    RETRY_SECONDS = 3

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.faults = Faults(stack.aws_url, folder)
        session = stack.admin_session()
        self._lambda, self._sqs = session.client("lambda"), session.client("sqs")
        self.queue = stack.outputs["NotificationQueueUrl"]
        config = self._lambda.get_function_configuration(FunctionName=FUNCTION)
        self._variables = config["Environment"]["Variables"]
        self._set_variables(HTTP_PROXY=self.faults.url, THROTTLE_WAIT_SECONDS="4")
        self.set_retry(self.RETRY_SECONDS)
        self.take_dead_letters()

    def end(self) -> None:
        self._set_variables()
        seconds = self.stack.local.settings.parameters["QueueVisibilitySeconds"]
        self.set_retry(int(seconds))
        self.faults.end()

    def kill(self) -> None:
        """End every process that runs the function with SIGKILL."""
        aws = self.stack.part("aws").pid
        running = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        workers = [pid for pid in running if _runs(pid, FUNCTION, parent=aws)]
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    def send(self, *bodies: Any) -> None:
        """Send up to ten messages to the queue in one call."""
        entries = [
            {
                "Id": str(number),
                "MessageBody": body if isinstance(body, str) else json.dumps(body),
            }
            for number, body in enumerate(bodies)
        ]
        answer = self._sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
        assert not answer.get("Failed")

    def take_dead_letters(self) -> list[str]:
        """Empty the dead-letter queue; return the bodies."""
        queue = self._sqs.get_queue_url(QueueName="notification-queue-dlq")["QueueUrl"]
        bodies = []
        while batch := self._sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in batch:
                handle = message["ReceiptHandle"]
                self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
                bodies.append(message["Body"])
        return bodies

    def is_idle(self) -> bool:
        """Return whether the queue has no messages, waiting or in flight."""
        counts = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=counts
        )
        return set(attributes["Attributes"].values()) == {"0"}

    def _set_variables(self, **more: str) -> None:
        self._lambda.update_function_configuration(
            FunctionName=FUNCTION, Environment={"Variables": self._variables | more}
        )
        self._lambda.get_waiter("function_updated_v2").wait(
            FunctionName=FUNCTION, WaiterConfig={"Delay": 0.1}
        )
        version = self._lambda.publish_version(FunctionName=FUNCTION)["Version"]
        self._lambda.update_alias(
            FunctionName=FUNCTION, Name="live", FunctionVersion=version
        )

    def set_retry(self, seconds: int) -> None:
        """Set the visibility timeout of the queue."""
        attributes = {"VisibilityTimeout": str(seconds)}
        self._sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=attributes)


def _runs(pid: int, function: str, parent: int) -> bool:
    """Return whether a process runs a function for the local AWS `parent`."""
    with contextlib.suppress(OSError):
        folder = Path(f"/proc/{pid}")
        started_by = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        environment = (folder / "environ").read_bytes().split(b"\0")
        mark = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
        return started_by == parent and mark in environment
    return False


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError, requests.Timeout):
        return requests.get(url, timeout=5).ok
    return False
