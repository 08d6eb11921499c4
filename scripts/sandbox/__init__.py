"""A local Supabase without Docker: PostgreSQL, Data API, Auth and Realtime on one address."""
