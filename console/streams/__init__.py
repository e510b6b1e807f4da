"""Open streams of server-sent events: what changes in the tables, told to whoever watches."""
