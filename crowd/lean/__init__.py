"""Lean collection: buy only the votes that are worth their money.

`standing` knows where each pair stands, `stopping` when it is finished, `opening` whose turn it is, `selecting` fills a
task when a worker accepts, `keeping_up` merges anew and ends the campaign when nothing is left.
"""
