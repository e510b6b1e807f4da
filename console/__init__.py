"""Program 3: PostgreSQL to people. A read API, live pages and operations; writes only what a replay records."""
