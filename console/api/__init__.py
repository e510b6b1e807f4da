"""The API for programs: every operation is declared once, and both answered and documented from that."""
