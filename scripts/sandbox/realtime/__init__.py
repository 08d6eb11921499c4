"""A stand-in for Supabase Realtime: the real WAL in, the Phoenix protocol out, with switches to make it fail."""

from scripts.sandbox.realtime.faults import FaultRefused, Faults
from scripts.sandbox.realtime.server import RealtimeServer
from scripts.sandbox.realtime.timing import Timing

__all__ = ["FaultRefused", "Faults", "RealtimeServer", "Timing"]
