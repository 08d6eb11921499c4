"""Tests of `python -m migration audit`."""
