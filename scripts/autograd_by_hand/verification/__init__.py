"""What a verification asks of an experiment: each module checks one of its promises.

A check yields findings (`finding`); none of them executes code of the experiment. Reading archives
and the limits on them are in `archive`; what asks for torch is in `with_torch`.
"""
