"""The library behind the stages: put a hand-derived gradient on trial against autograd.

Nothing lives here itself; each package says what it holds. A package imports from lower floors
only, and from none of its own floor:

    report
    verdict | replay
    summation | diagnosis
    storage | pipeline
    experiment
    floats | aten | archive
    core
"""
