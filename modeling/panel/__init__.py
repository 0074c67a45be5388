"""Figures behind the lifter's pages of the researcher's panel."""
