"""A WebSocket bridge on top of the tables, logins and Realtime of an existing Supabase chat."""

__version__ = "0.1.0"
"""The package's version, that of the protocol's specification too; pyproject.toml reads it here."""
