"""Tests of session cookies of the real @supabase/ssr, at a bridge with the sandbox's Auth server behind it."""
