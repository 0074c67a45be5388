"""What is asked of other places and what it costs: calls that are rows before they are made, and a ledger that adds up."""
