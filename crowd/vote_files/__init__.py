"""Votes that exist already, in the files people have: a file in, plain records out. Pure: no database, no Django.

A pickle is never loaded as one: it is read as data, and refused where it asks for more.
"""

from crowd.vote_files.reading import FORMATS, open_votes
from crowd.vote_files.records import BadVoteFile, VoteRecord, VoteSource

__all__ = ["FORMATS", "BadVoteFile", "VoteRecord", "VoteSource", "open_votes"]
