"""The embedded servers: a real Valkey and a real PostgreSQL, on unix sockets, ending with the command."""
