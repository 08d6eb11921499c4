"""The file in which operators say when old endpoints end: TOML, read once, checked before the bridge starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from msgspec import DecodeError, Meta, Struct, ValidationError, toml

from bridge.errors import ConfigError
from compat.deprecation import NOTHING_ENDS, Brownout, Deprecations, Moment, Notice
from compat.endpoints import ENDPOINTS

VARIABLE: Final = "BRIDGE_COMPAT_DEPRECATION_FILE"
SWITCH: Final = "BRIDGE_COMPAT_BROWNOUTS"
LONGEST_BROWNOUT_MINUTES: Final = 60

_REFERENCE: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
"""What a URI reference may be made of (RFC 3986), as it stands between the angle brackets of a Link header."""


class _Window(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A brownout; without names, of every endpoint that has a sunset."""

    begins: Moment
    minutes: Annotated[int, Meta(ge=1, le=LONGEST_BROWNOUT_MINUTES)]
    endpoints: list[str] | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    every: Notice = Notice()
    endpoints: Mapping[str, Notice] = {}
    brownouts: list[_Window] = []


def read_deprecations(path: str | None, *, with_brownouts: bool) -> Deprecations:
    """Read the file, if there is one; brownouts take place only if the operator wants them besides.

    Raises:
        ConfigError: it cannot be read, says something that cannot be, or has no brownouts though they are wanted.

    """
    if not path:
        if with_brownouts:  # in vain: it would look as if nobody needed the endpoints
            raise ConfigError(f"{SWITCH} is true, and {VARIABLE} names no file that lists them.")
        return NOTHING_ENDS
    try:
        found = toml.decode(Path(path).read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(f"{VARIABLE} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise ConfigError(f"{VARIABLE} cannot be understood: {error}; times are like 2027-06-01T00:00:00Z.") from error
    except (DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{VARIABLE} is no TOML: {error}.") from error
    try:
        return _deprecations(found, with_brownouts=with_brownouts)
    except OverflowError as error:
        raise ConfigError(f"{VARIABLE}: a time is beyond the years 1 to 9999.") from error


def _deprecations(found: _File, *, with_brownouts: bool) -> Deprecations:
    if with_brownouts and not found.brownouts:
        raise ConfigError(f"{SWITCH} is true, and the file of {VARIABLE} lists none.")
    _check_names("endpoints", found.endpoints)
    notices = {name: _notice(name, found) for name in ENDPOINTS}
    brownouts = tuple(_brownout(one, notices) for one in found.brownouts)
    return Deprecations(
        notices={name: one for name, one in notices.items() if one.headers},
        brownouts=brownouts if with_brownouts else (),
    )


def _notice(name: str, found: _File) -> Notice:
    notice = found.endpoints.get(name, Notice()).over(found.every)
    if notice.deprecated and notice.sunset and notice.sunset < notice.deprecated:
        raise ConfigError(f"{VARIABLE}: the sunset of {name} is before its deprecation.")
    for relation, page in notice.links.items():
        if not _REFERENCE.fullmatch(page):
            raise ConfigError(f"{VARIABLE}: the {relation} link of {name} is no address.")
    return notice


def _brownout(window: _Window, notices: Mapping[str, Notice]) -> Brownout:
    names = window.endpoints
    if names is None:
        names = [name for name, one in notices.items() if one.sunset is not None]
    _check_names("brownouts", names)
    begins = window.begins.isoformat()
    if not names:  # a rehearsal that nobody could notice would look as if nobody needed the endpoints
        raise ConfigError(f"{VARIABLE}: the brownout of {begins} is of no endpoint: name some, with a sunset.")
    ends_at = window.begins + timedelta(minutes=window.minutes)
    for name in names:
        sunset = notices[name].sunset
        if sunset is None or sunset < ends_at:
            raise ConfigError(f"{VARIABLE}: the brownout of {begins} does not end before {name} has its sunset.")
    return Brownout(begins_at=window.begins, ends_at=ends_at, endpoints=frozenset(names))


def _check_names(place: str, names: Iterable[str]) -> None:
    if set(names) - ENDPOINTS.keys():
        raise ConfigError(f"{VARIABLE}: {place} must name endpoints: {', '.join(ENDPOINTS)}.")
