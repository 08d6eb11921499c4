"""Tests of the port to Realtime and its adapters."""
