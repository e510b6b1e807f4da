"""The bench: what the programs do in a second, beside what others would do with the same events on the same servers."""
