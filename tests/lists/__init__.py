"""Tests of bridge.lists, through a relay that hears what others write."""
