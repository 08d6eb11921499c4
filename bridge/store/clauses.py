"""Filters of PostgREST that take more than one column. Pure."""

from __future__ import annotations

from datetime import datetime

from bridge.models import Position


def before_clause(position: Position) -> str:
    """Return the or-filter for "older than", by created_at and then id (contract F25)."""
    at = position.created_at.isoformat()
    return f'created_at.lt."{at}",and(created_at.eq."{at}",id.lt.{position.id})'


def after_clause(position: Position) -> str:
    """Return the or-filter for "younger than", by created_at and then id."""
    at = position.created_at.isoformat()
    return f'created_at.gt."{at}",and(created_at.eq."{at}",id.gt.{position.id})'


def unexpired_clause(now: datetime) -> str:
    """Return the or-filter for "not expired" (contract F48)."""
    return f'expires_at.is.null,expires_at.gt."{now.isoformat()}"'


def changed_clause(moment: datetime) -> str:
    """Return the or-filter for "edited or deleted at or after"."""
    at = moment.isoformat()
    return f'edited_at.gte."{at}",deleted_at.gte."{at}"'
