"""What the researcher's panel is made of, for this app and those above it."""
