"""The programming interface to what is learnt."""
