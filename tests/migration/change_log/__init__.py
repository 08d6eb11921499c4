"""Tests of the change log, on a real PostgreSQL."""
