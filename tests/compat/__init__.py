"""Tests of the old REST endpoints."""
