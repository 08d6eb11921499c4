"""Shims that keep the old REST endpoints working while their clients move."""
