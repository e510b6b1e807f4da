"""How notices of alerts leave the house: in order, guarded, and each at least once."""
