"""Tests of the bridge, its tools and its sandbox."""
