"""The three sets of waits."""

from scripts.sandbox.realtime.timing import Timing


def test_the_recorded_waits_are_longer_than_the_sandbox_s_and_those_longer_than_none() -> None:
    """A sandbox starts fast; `recorded` is for whoever wants the real thing's pace."""
    recorded, usual, instant = Timing.recorded(), Timing(), Timing.instant()
    assert recorded.system_delay > usual.system_delay > instant.system_delay == 0
    assert (recorded.poll_interval, recorded.idle_interval) == (0.1, 0.5)
    assert (recorded.connect_backoff, recorded.error_backoff) == (2, 5)
    assert usual.poll_interval == instant.poll_interval == instant.error_backoff == 0
