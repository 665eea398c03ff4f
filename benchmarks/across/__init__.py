"""What holds in several runs, for example of several tasks: decisions side by side.

``python -m benchmarks.across RUN…`` reads what each run recommends, question by question, and says
which choices agree and how far rankings of methods do.
"""
