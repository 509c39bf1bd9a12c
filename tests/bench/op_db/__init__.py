"""Put torch's own operator database on trial: every differentiable entry, with all its samples.

The database is `torch.testing._internal.common_methods_invocations.op_db`. It is private, so only
this benchmark and tests use it.
"""
