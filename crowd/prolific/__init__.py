"""Prolific's REST interface, and a stand-in for it to try and to test with."""
