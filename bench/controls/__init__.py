"""What a team would write by hand: the work of the other arms, in their processes."""
