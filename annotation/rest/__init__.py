"""The programming interface to pictures, people and pairs."""
