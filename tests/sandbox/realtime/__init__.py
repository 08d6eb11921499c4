"""Tests of the Realtime stand-in."""
