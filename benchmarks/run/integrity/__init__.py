"""Integrity probes: conditions that must hold before any number can be trusted.

Data and networks are probed before anything is predicted, stored predictions before anything is
scored. The results are in ``run.json``; a probe that fails ends the run.
"""
