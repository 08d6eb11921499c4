"""The state of a bridge in one document for operators: counts, reasons and settings; nobody's names, no contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import asdict

from bridge import __version__
from bridge.actions.context import Context
from bridge.capabilities import Capability
from bridge.clock import row_time
from bridge.measures import Measures
from bridge.relay import Relay
from bridge.remedies import publish
from bridge.rollout.status import RolloutStatus
from bridge.settings import Settings
from bridge.shadow import Shadow
from bridge.websocket import Sockets

SHARES: Final = {"p50": 0.5, "p99": 0.99}


class Status:
    """Looks at the parts of one bridge when it is asked."""

    def __init__(
        self,
        settings: Settings,
        context: Context,
        relay: Relay,
        sockets: Sockets,
        rollout: Callable[[], RolloutStatus],
        shadow: Shadow | None,
    ) -> None:
        self._settings = settings
        self._context = context
        self._relay = relay
        self._sockets = sockets
        self._refusals = sockets.refusals
        self._rollout = rollout
        self._shadow = shadow

    def document(self) -> Mapping[str, object]:
        """Return everything, ready to be encoded."""
        context, measures = self._context, self._context.measures
        return {
            "version": __version__,
            "uptime_seconds": round(context.clock.monotonic() - context.history.started_at),
            "status": context.health.current.status.value,
            "reasons": context.health.reasons,
            "sockets": {
                "open": len(self._sockets),
                "authenticated": context.hub.receivers,
                "people": context.hub.users,
                "refused": {reason.value: number for reason, number in self._refusals.handshakes.items()},
                "closed_by_bridge": {code.name: number for code, number in self._refusals.closings.items()},
            },
            "errors": {
                "commands": _failures(*measures.failed_commands()),
                "old_endpoints": _failures(*measures.failed_old_requests()),
            },
            "feed": self._feed(measures),
            "rollout": self._rollout(),
            "shadow": None if self._shadow is None else _shadow(self._shadow, measures),
            "schema": asdict(context.store.schema),
            "capabilities": sorted(Capability),
            "settings": self._settings.public,
        }

    def show(self, measures: Measures) -> None:
        """Let the measures that are kept elsewhere look there."""
        context = self._context
        measures.sockets.read = lambda: len(self._sockets)
        measures.sessions.read = lambda: context.hub.receivers
        measures.users.read = lambda: context.hub.users
        measures.ready.read = lambda: not context.health.reasons
        measures.feed_live.read = lambda: self._relay.is_live
        refusals = self._refusals
        measures.refused.read = lambda: {(reason.value,): number for reason, number in refusals.handshakes.items()}
        measures.closings.read = lambda: {(code.name,): number for code, number in refusals.closings.items()}
        measures.history.read = lambda: len(context.history)

    def _feed(self, measures: Measures) -> Mapping[str, object]:
        record = self._relay.record
        return {
            "live": self._relay.is_live,
            "epochs": measures.epochs.values[()],
            "losses": [{"at": row_time(loss.at), "reason": loss.reason} for loss in record.losses],
            "not_published": [{"table": table, "sql": publish(table)} for table in sorted(record.unpublished)],
            "lag_seconds_at_most": {name: measures.lag.not_above(share) for name, share in SHARES.items()},
            "canary_lag_seconds": self._context.health.lag_seconds,
            "changes_heard": measures.lag.number,
            "rescued_messages": measures.rescued.values[()],
        }


def _failures(failed: int, number: int) -> Mapping[str, int]:
    return {"failed": failed, "of": number}


def _shadow(shadow: Shadow, measures: Measures) -> Mapping[str, object]:
    reads: dict[str, dict[str, dict[str, int]]] = {}
    for (action, outcome, reason), number in measures.shadowed.values.items():
        reads.setdefault(action, {}).setdefault(outcome, {})[reason] = number
    mismatches = [{**one._asdict(), "at": row_time(one.at)} for one in shadow.mismatches]
    return {"share": shadow.share, "reads": reads, "mismatches": mismatches}
