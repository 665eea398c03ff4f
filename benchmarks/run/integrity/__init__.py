"""Integrity probes: what must hold before any number is worth reading.

Data and networks are probed before anything is predicted, stored predictions before anything is
scored. What the probes found stands in ``run.json``; one that fails ends the run.
"""
