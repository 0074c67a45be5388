"""Figures behind the crowd's pages of the researcher's panel."""
