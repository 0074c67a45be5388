"""What a campaign would cost and yield, before a cent is spent: collections are played with a simulated crowd.

Pure NumPy, on `crowd.aggregation` and `crowd.simulation`. `manage.py simulate` and `benchmarks/lean.py` use it.
"""

from crowd.planning.collecting import Field, Point, Protocol, collect, field
from crowd.planning.outlook import Outlook, outlook

__all__ = ["Field", "Outlook", "Point", "Protocol", "collect", "field", "outlook"]
