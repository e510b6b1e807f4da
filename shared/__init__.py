"""What the programs agree on: events, stages, settings, queue, database. Imports none of them."""
