"""What the programs agree on about alerts: the rules, and the notices that are sent."""
