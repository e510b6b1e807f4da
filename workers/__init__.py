"""Program 2: Redis to PostgreSQL. RQ workers, one module a stage, never in touch with Flask."""
