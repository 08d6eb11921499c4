"""When old endpoints end, and how their clients are told: RFC 9745, RFC 8594, and windows in which they rehearse it.

Pure. What stands in the file that operators write is in `compat.deprecation_file`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated

from msgspec import Meta, Struct, structs

from compat.errors import SWITCHED_OFF, NotNow

Moment = Annotated[datetime, Meta(tz=True)]


class Notice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What is said about the end of one endpoint; what is None is not said. The pages are URI references."""

    deprecated: Moment | None = None
    sunset: Moment | None = None
    deprecation_page: str | None = None
    sunset_page: str | None = None
    successor: str | None = None

    def over(self, other: Notice) -> Notice:
        """Return this notice, with what the other says where this one says nothing."""
        own = {name: value for name, value in structs.asdict(self).items() if value is not None}
        return structs.replace(other, **own)

    @property
    def links(self) -> Mapping[str, str]:
        """Return the pages by their relation to the endpoint."""
        pages = {
            "deprecation": self.deprecation_page,
            "sunset": self.sunset_page,
            "successor-version": self.successor,
        }
        return {relation: page for relation, page in pages.items() if page is not None}

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Return the header fields of every answer of the endpoint."""
        fields = [
            ("Deprecation", self.deprecated and f"@{int(self.deprecated.timestamp())}"),
            ("Sunset", self.sunset and format_datetime(self.sunset.astimezone(UTC), usegmt=True)),
            ("Link", ", ".join(f'<{page}>; rel="{relation}"' for relation, page in self.links.items())),
        ]
        return [(name, value) for name, value in fields if value]


class Brownout(Struct, frozen=True, kw_only=True):
    """A window in which endpoints answer 503, so that whoever still needs them notices in time."""

    begins_at: datetime
    ends_at: datetime
    endpoints: Collection[str]


class Deprecations(Struct, frozen=True, kw_only=True):
    """The notices of the endpoints that have one, by name, and the brownouts that are to take place."""

    notices: Mapping[str, Notice] = {}
    brownouts: Sequence[Brownout] = ()

    def headers(self, endpoint: str) -> Sequence[tuple[str, str]]:
        """Return the header fields of every answer of an endpoint."""
        notice = self.notices.get(endpoint)
        return () if notice is None else notice.headers

    @property
    def deprecated(self) -> Collection[str]:
        """Return the endpoints that are deprecated, or will be."""
        return {name for name, one in self.notices.items() if one.deprecated is not None}

    def check_open(self, endpoint: str, now: datetime) -> None:
        """Let a request pass unless its endpoint is in a brownout.

        Raises:
            NotNow: it is, for so long.

        """
        now_on = [one for one in self.brownouts if endpoint in one.endpoints and one.begins_at <= now < one.ends_at]
        ends = [one.ends_at for one in now_on]
        if ends:
            raise NotNow(SWITCHED_OFF, (max(ends) - now).total_seconds())


NOTHING_ENDS = Deprecations()
