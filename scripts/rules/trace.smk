"""The origin of every bit: operations, summation orders, replay, and causes of the difference."""


rule record_environment:
    """Record what the numbers depend on besides the inputs."""
    input:
        recipe="experiments/{experiment}/work/recipes/record_environment.json",
    output:
        environment="experiments/{experiment}/work/environment.json",
    log:
        "experiments/{experiment}/work/logs/record_environment.log",
    priority: 2
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("record_environment"),
    params:
        packages=["torch", "numpy", "ml_dtypes", "pandas", "jinja2", "safetensors"],
    script:
        "../record_environment.py"


rule observe_operations:
    """Record the operations that autograd and the manual backward execute, in one dtype."""
    input:
        forward=experiments.differentiated,
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/observe_operations.{dtype}.json",
    output:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        recorded="experiments/{experiment}/work/{dtype}/recorded.safetensors",
    log:
        "experiments/{experiment}/work/logs/observe_operations.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("observe_operations"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../observe_operations.py"


rule reveal_orders:
    """Reveal the order in which torch and numpy add each recorded sum, in one dtype."""
    input:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        environment="experiments/{experiment}/work/environment.json",
        recipe="experiments/{experiment}/work/recipes/reveal_orders.{dtype}.json",
    output:
        orders=update("experiments/{experiment}/work/{dtype}/orders.json"),
    log:
        "experiments/{experiment}/work/logs/reveal_orders.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("reveal_orders"),
    params:
        code=code.hash_of("scripts/reveal_orders.py"),
    script:
        "../reveal_orders.py"


rule verify_replay:
    """Compute autograd's gradients again in numpy, from the input bits and the orders."""
    input:
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        orders="experiments/{experiment}/work/{dtype}/orders.json",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recorded="experiments/{experiment}/work/{dtype}/recorded.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
        recipe="experiments/{experiment}/work/recipes/verify_replay.{dtype}.json",
    output:
        replay="experiments/{experiment}/work/{dtype}/replay.json",
    log:
        "experiments/{experiment}/work/logs/verify_replay.{dtype}.log",
    conda:
        "../../envs/numpy.yaml"
    resources:
        mem_mb=experiments.memory_mb("verify_replay"),
    script:
        "../verify_replay.py"


rule attribute_difference:
    """Attribute the difference between the manual gradient, summed by numpy, and autograd's."""
    input:
        backward="experiments/{experiment}/backward.py",
        operations="experiments/{experiment}/work/{dtype}/operations.json",
        orders="experiments/{experiment}/work/{dtype}/orders.json",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recorded="experiments/{experiment}/work/{dtype}/recorded.safetensors",
        manual="experiments/{experiment}/work/{dtype}/manual.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
        recipe="experiments/{experiment}/work/recipes/attribute_difference.{dtype}.json",
    output:
        attribution="experiments/{experiment}/work/{dtype}/attribution.json",
    log:
        "experiments/{experiment}/work/logs/attribute_difference.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("attribute_difference"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../attribute_difference.py"
