"""docs/migration.md, executed: every command is typed, and what is written below it is what is seen."""
