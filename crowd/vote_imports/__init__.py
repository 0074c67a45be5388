"""Votes that were given elsewhere become a campaign of their own."""
