"""The pages for people: rendered here, moved along by a few small scripts, and whole without them."""
