"""Tests of bridge.usage."""
