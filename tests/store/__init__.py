"""Tests of the port to the tables and its adapters."""
