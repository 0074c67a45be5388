"""The marketplace's addresses: one for programs of requesters, the rest for workers and their browsers."""
