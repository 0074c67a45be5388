"""The programming interface to campaigns, work, money, labels and releases."""
