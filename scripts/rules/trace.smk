"""Where every bit comes from: the operations, the orders of their sums, the replay, the causes."""


rule record_environment:
    """Write down what the numbers depend on besides the inputs."""
    input:
        recipe="<recipes>/record_environment.json",
    output:
        environment="<work>/environment.json",
    log:
        "<logs>/record_environment.log",
    conda:
        "../../envs/torch.yaml"
    params:
        packages=["torch", "numpy", "ml_dtypes", "pandas", "jinja2", "safetensors"],
    script:
        "../record_environment.py"


rule observe_operations:
    """Write down the operations that autograd and the hand's backward make, in one format."""
    input:
        forward="<experiment>/forward.py",
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        checked="<work>/checked.txt",
        recipe="<recipes>/observe_operations.{dtype}.json",
    output:
        operations="<work>/{dtype}/operations.json",
        recorded="<work>/{dtype}/recorded.safetensors",
    log:
        "<logs>/observe_operations.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../observe_operations.py"


rule reveal_orders:
    """Reveal in which order every observed sum adds, torch's and numpy's, in one format."""
    input:
        operations="<work>/{dtype}/operations.json",
        environment="<work>/environment.json",
        recipe="<recipes>/reveal_orders.{dtype}.json",
    output:
        orders=update("<work>/{dtype}/orders.json"),
    log:
        "<logs>/reveal_orders.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    params:
        code=code_hash("scripts/reveal_orders.py"),
    script:
        "../reveal_orders.py"


rule verify_replay:
    """Compute autograd's gradients again in numpy, from the input bits and the orders."""
    input:
        operations="<work>/{dtype}/operations.json",
        orders="<work>/{dtype}/orders.json",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recorded="<work>/{dtype}/recorded.safetensors",
        autograd="<work>/{dtype}/autograd.safetensors",
        recipe="<recipes>/verify_replay.{dtype}.json",
    output:
        replay="<work>/{dtype}/replay.json",
    log:
        "<logs>/verify_replay.{dtype}.log",
    conda:
        "../../envs/numpy.yaml"
    script:
        "../verify_replay.py"


rule attribute_difference:
    """Trace the difference between the hand on numpy's sums and autograd to its causes."""
    input:
        backward="<experiment>/backward.py",
        operations="<work>/{dtype}/operations.json",
        orders="<work>/{dtype}/orders.json",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recorded="<work>/{dtype}/recorded.safetensors",
        manual="<work>/{dtype}/manual.safetensors",
        autograd="<work>/{dtype}/autograd.safetensors",
        recipe="<recipes>/attribute_difference.{dtype}.json",
    output:
        attribution="<work>/{dtype}/attribution.json",
    log:
        "<logs>/attribute_difference.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../attribute_difference.py"
