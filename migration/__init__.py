"""Tools that tell a team how far the migration is and whether both paths agree."""
