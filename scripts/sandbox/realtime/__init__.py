"""A stand-in for Supabase Realtime: the real WAL in, the Phoenix protocol out, with switches to make it fail."""
