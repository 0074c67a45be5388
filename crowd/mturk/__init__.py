"""Mechanical Turk's protocol, spoken through one gateway."""
