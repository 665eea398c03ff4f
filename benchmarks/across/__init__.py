"""What holds for every task and network: several runs side by side.

``python -m benchmarks.across RUN…`` reads the folders of runs, takes each task with each network as
a setting, and writes which statements hold in all settings, and how far rankings of methods travel.
"""
