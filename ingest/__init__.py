"""Program 1: HTTP to Redis. Thin, and never in touch with PostgreSQL."""
