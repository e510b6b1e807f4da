"""Alerts: facts in tables are judged by rules, and what is found is raised once and resolved when it is over."""
