"""A stand-in for Prolific: its REST interface and a page for participants, over HTTP, in memory.

    python -m crowd.prolific.stand_in --port 8131 --token my-token

It is strict where Prolific is: it checks the token, required fields, types and the states
in which something is allowed, so that a wrong call fails here and not with real money.
Nothing in it needs Django or the rest of Nearer.
"""
