"""Log lines: JSON with the bound context."""

import io
import json
import logging
import secrets

import pytest

from smartbudget.core import log

logger = logging.getLogger("elsewhere")


@pytest.fixture
def lines(monkeypatch):
    """Return a function that returns the lines logged so far, parsed."""
    root, out = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    log.set_up("INFO")
    root.handlers[0].setStream(out)
    log.bind()
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    log.bind()


def test_a_line_has_time_level_logger_and_message(lines):
    logger.warning("left to the sweep count=%d", 3)

    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "elsewhere",
        "message": "left to the sweep count=3",
    }


def test_no_text_can_start_a_second_line(lines):
    logger.info("typed=%s", 'x\n{"level": "ERROR"}\r\u2028')

    (line,) = lines()
    assert line["level"] == "INFO"


def test_the_token_of_a_link_is_redacted(lines):
    key = secrets.token_urlsafe(32)
    logger.warning("Forbidden: /notifications/confirm/%s", key)
    logger.warning("Not Found: /notifications/unsubscribe/%s/%s?x", "a" * 32, key)
    logger.warning("Not Found: /api/sessions/%s", "f" * 64)  # not a secret

    assert [line["message"] for line in lines()] == [
        "Forbidden: /notifications/confirm/...",
        f"Not Found: /notifications/unsubscribe/{'a' * 32}/...?x",
        f"Not Found: /api/sessions/{'f' * 64}",
    ]


def test_the_token_of_a_link_is_redacted_in_exceptions_too(lines):
    key = secrets.token_urlsafe(32)
    try:
        int(f"/notifications/confirm/{key}")
    except ValueError:
        logger.exception("failed")

    (line,) = lines()
    assert "'/notifications/confirm/...'" in line["exception"]
    assert key not in json.dumps(line)


def test_an_exception_is_part_of_its_line(lines):
    try:
        int("odd")
    except ValueError:
        logger.exception("failed")

    (line,) = lines()
    assert "ValueError: invalid literal" in line["exception"]


def test_client_errors_are_not_logged_as_errors(lines):
    try:
        int("odd")
    except ValueError:
        strangers = logging.getLogger("django.security.DisallowedHost")
        strangers.exception("Invalid HTTP_HOST header")

    (line,) = lines()
    assert line["level"] == "WARNING"
    assert "exception" not in line


def test_the_bound_context_applies_until_the_next_bind(lines):
    log.bind("r1")
    log.bind_more(user_id="alice")
    logger.info("one")
    with log.bound("r2", task_id="t"):
        logger.info("two")
    logger.info("three")
    log.bind("r3")
    logger.info("four")

    ids = [(line["request_id"], line.get("user_id")) for line in lines()]
    assert ids == [("r1", "alice"), ("r2", "alice"), ("r1", "alice"), ("r3", None)]
    assert [line.get("task_id") for line in lines()] == [None, "t", None, None]


def test_a_metric_is_a_line_in_cloudwatchs_format(capsys):
    log.count("AlertsQueued", 2, Level="exceeded")
    log.count("AlertsQueued", 0, Level="threshold")

    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    (metric,) = record["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "SmartBudget"
    assert metric["Dimensions"] == [["Stage", "Level"]]
    assert (record["AlertsQueued"], record["Stage"]) == (2, "smart-budget")
