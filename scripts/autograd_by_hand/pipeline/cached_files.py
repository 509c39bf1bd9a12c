"""The cached files of an experiment that a manifest lists, by the stages that write them.

COMPUTED: the kinds of tensors that can be computed from the inputs
CACHED_ONCE, CACHED_PER_JUDGED, CACHED_PER_DTYPE: of work/, of work/{dtype}/ for every dtype that is
    judged, and for every dtype of the config
"""

COMPUTED = ("manual", "autograd", "reference", "reordered", "noise")
CACHED_ONCE = (
    "draws.safetensors",
    "states.safetensors",
    "cotangents.safetensors",
    "environment.json",
    "gradcheck.json",
    "graph.json",
    "inputs.json",
    "judgement.json",
    "mistakes.json",
    "oracle.json",
    "proof.json",
    "tails.json",
)
CACHED_PER_JUDGED = (
    "arithmetic.json",
    "calls.json",
    "errors.csv",
    "facts.json",
    "handed_over.json",
    "overflows.json",
)
CACHED_PER_DTYPE = (
    "attribution.json",
    "operations.json",
    "orders.json",
    "recorded.safetensors",
    "replay.json",
)
