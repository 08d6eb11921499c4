"""Lines go to standard error, as text or JSON, with context and trace and without local variables."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from bridge.logs import configure_logs

SECRET = "the token"


@contextmanager
def configured(level: str, *, as_json: bool) -> Iterator[None]:
    """Log as the program does, and as before afterwards; only loggers made meanwhile are used, for they are cached."""
    root, realtime = logging.getLogger(), logging.getLogger("realtime")
    handlers, root_level, realtime_level = list(root.handlers), root.level, realtime.level
    root.handlers.clear()
    configure_logs(level, as_json=as_json)
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(root_level)
        realtime.setLevel(realtime_level)


def fail() -> None:
    """Raise with a secret in a local variable."""
    token = SECRET
    raise RuntimeError(f"a reason of {len(token)} characters")


def log_everything() -> None:
    """Log a line below the level, one with context and one with a trace."""
    log = structlog.get_logger()
    log.debug("too.fine")
    with bound_contextvars(request_id="r1"):
        log.info("told", count=1)
    try:
        fail()
    except RuntimeError:
        log.exception("failed")


def test_as_json_each_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """For machines: event, level, time, context, trace."""
    with configured("info", as_json=True):
        log_everything()
    out, err = capsys.readouterr()
    told, failed = (json.loads(line) for line in err.splitlines())
    assert out == ""
    assert (told["event"], told["level"], told["count"], told["request_id"]) == ("told", "info", 1, "r1")
    assert told["timestamp"].endswith("Z")
    assert (failed["event"], failed["level"]) == ("failed", "error")
    assert "a reason of 9 characters" in failed["exception"]
    assert "request_id" not in failed


def test_what_libraries_say_is_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A collector of spans that is away, say: in one line, trace and all, with nothing that moves a cursor."""
    with configured("info", as_json=True):
        logging.getLogger("some.library").warning("attempt %d\nfailed", 1)
        try:
            fail()
        except RuntimeError:
            logging.getLogger("some.library").exception("defect")
    attempt, defect = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert attempt.pop("timestamp").endswith("Z")
    assert attempt == {"logger": "some.library", "level": "warning", "event": "attempt 1\\nfailed"}
    assert "a reason of 9 characters" in defect["exception"]


def test_as_text_each_line_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without colours where nobody looks."""
    with configured("INFO", as_json=False):
        log_everything()
    err = capsys.readouterr().err
    assert "told" in err
    assert "request_id=r1" in err
    assert "a reason of 9 characters" in err
    assert "too.fine" not in err
    assert "\x1b[" not in err


@pytest.mark.parametrize("as_json", [True, False])
def test_no_trace_shows_local_variables(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    """Whatever packages are installed (contract F11)."""
    with configured("debug", as_json=as_json):
        log_everything()
        renderer = structlog.get_config()["processors"][-1]
    assert SECRET not in capsys.readouterr().err
    assert as_json or renderer._exception_formatter is structlog.dev.plain_traceback


def test_libraries_warn_but_the_realtime_client_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It logs whole frames, contents included, at error level."""
    with configured("debug", as_json=False):
        logging.getLogger("some.library").warning("careful")
        logging.getLogger("some.library").info("chatter")
        logging.getLogger("realtime._async.client").error("frame: %s", SECRET)
    assert capsys.readouterr().err == "WARNING some.library careful\n"


ESCAPES = "1.0 \x1b]0;title\x07\x1b[2J\r\n\x9b31m\x7f\u202e"
"""What a terminal would obey: a new title, a cleared screen, a forged line, red, reversed writing."""
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("value", [ESCAPES, [ESCAPES], {"version": ESCAPES}, {ESCAPES: 1}, RuntimeError(ESCAPES)])
def test_nothing_that_is_logged_moves_a_cursor(
    capsys: pytest.CaptureFixture[str], value: object, *, as_json: bool
) -> None:
    """Whatever clients call themselves, wherever in a line it stands, one event stays one line."""
    with configured("debug", as_json=as_json), bound_contextvars(client=ESCAPES):
        structlog.get_logger().info("client.known", version=value)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert not CONTROL.search(err)
    assert "x1b" in err
    if as_json:
        assert not CONTROL.search(json.loads(err)["client"])


@pytest.mark.parametrize("as_json", [True, False])
def test_no_trace_and_no_library_moves_a_cursor(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    """The lines of a trace stay lines."""
    with configured("debug", as_json=as_json):
        try:
            raise RuntimeError(ESCAPES)
        except RuntimeError:
            structlog.get_logger().exception("failed")
            logging.getLogger("some.library").exception("failed with %s", ESCAPES)
    err = capsys.readouterr().err
    assert not CONTROL.search(err)
    assert err.count("Traceback") == 2
    assert ("\\n  File " if as_json else "\n  File ") in err
    assert err.count("\n") == 2 or not as_json


def test_texts_of_all_languages_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is no writing is escaped."""
    with configured("debug", as_json=False):
        structlog.get_logger().info("client.known", name="Zoë-李")
    assert "name=Zoë-李" in capsys.readouterr().err
