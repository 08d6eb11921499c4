"""How the program logs: one event name and fields per line, connection and request ids bound by context.

Never a token, never a message's content (contract F11). What clients say of themselves may be anything: control
characters are escaped, or whoever reads the log in a terminal would be at their mercy.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import structlog

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What moves a cursor, ends a line or turns the direction of writing; structlog.dev would print it as it is."""
_CONTROL_OF_TRACES: Final = re.compile(f"(?![\t\n]){_CONTROL.pattern}")


def configure_logs(level: str, *, as_json: bool) -> None:
    """Send our own lines and the libraries' warnings to standard error."""
    # Plain traces: where a package for pretty ones happens to be installed, they show local variables, tokens included.
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _escape_values,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a cached logger would outlive the tests that configure their own
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_AsJson() if as_json else _Escaping("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # The Realtime client logs whole frames, contents included, at error level; the feed says what matters itself.
    logging.getLogger("realtime").setLevel(logging.CRITICAL)


class _Escaping(logging.Formatter):
    """Escapes what libraries say, too."""

    def format(self, record: logging.LogRecord) -> str:
        return _escape(super().format(record), _CONTROL_OF_TRACES)


class _AsJson(logging.Formatter):
    """Makes one object of what a library says, trace included: whoever reads JSON cannot read anything between."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {"logger": record.name, "level": record.levelname.lower(), "timestamp": moment}
        if record.exc_info:
            line["exception"] = _escape(self.formatException(record.exc_info), _CONTROL_OF_TRACES)
        return json.dumps({**line, "event": _escape(record.getMessage(), _CONTROL)})


def _escape_values(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    trace = line.pop("exception", None)
    escaped = {name: _escaped(value) for name, value in line.items()}
    return escaped if trace is None else {**escaped, "exception": _escape(trace, _CONTROL_OF_TRACES)}


def _escaped(value: object) -> object:
    """Return a value with every text in it escaped; anything else is shown by its `repr`, which escapes by itself."""
    if isinstance(value, str):
        return _escape(value, _CONTROL)
    if isinstance(value, Mapping):
        return {_escaped(key): _escaped(one) for key, one in value.items()}
    return [_escaped(one) for one in value] if isinstance(value, list | tuple | set | frozenset) else value


def _escape(text: str, unwanted: re.Pattern[str]) -> str:
    return unwanted.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
