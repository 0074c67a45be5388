"""A simulated crowd with the paper's figures, for demos, tests, forecasts and benchmarks. Pure NumPy.

`PaperCrowd` gives single percepts, workers, votes and response times; `study` a whole data set with its exact posterior.
"""

from crowd.simulation.crowd import PaperCrowd, Worker
from crowd.simulation.studies import Study, study

__all__ = ["PaperCrowd", "Study", "Worker", "study"]
