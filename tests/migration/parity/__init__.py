"""Tests of `python -m migration parity`."""
