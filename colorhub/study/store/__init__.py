"""The store of a study: sessions, votes and secrets in SQLite or PostgreSQL."""
