"""Charts as values: what is to be drawn and where, for templates to write down as SVG. Pure."""
