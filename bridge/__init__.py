"""A WebSocket bridge on top of the tables, logins and Realtime of an existing Supabase chat."""
