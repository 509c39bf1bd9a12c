"""The gradients: the author's, autograd's and the reference's, and the checks on each of them.

Nothing else is computed before check_backward has succeeded. Rules that do not read what it made
have it as `after`, an input whose content and date count for nothing.
"""


rule check_forward:
    """Check autograd itself, by finite differences of forward along one direction."""
    input:
        forward=experiments.differentiated,
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        proof="experiments/{experiment}/work/proof.json",
        after=ancient("experiments/{experiment}/work/checked.txt"),
        recipe="experiments/{experiment}/work/recipes/check_forward.json",
    output:
        oracle="experiments/{experiment}/work/oracle.json",
    log:
        "experiments/{experiment}/work/logs/check_forward.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("check_forward"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../check_forward.py"


rule check_backward:
    """Call the author's backward.py once, so that a mistake in it is reported only once."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/check_backward.json",
    output:
        checked=update("experiments/{experiment}/work/checked.txt"),
    log:
        "experiments/{experiment}/work/logs/check_backward.log",
    priority: 1
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("check_backward"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../check_backward.py"


rule compute_manual:
    """Call the author's backward.py on every run, in one dtype."""
    input:
        forward="experiments/{experiment}/forward.py",
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/compute_manual.{dtype}.json",
    output:
        gradients="experiments/{experiment}/work/{dtype}/manual.safetensors",
        calls="experiments/{experiment}/work/{dtype}/calls.json",
    log:
        "experiments/{experiment}/work/logs/compute_manual.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("compute_manual"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../compute_manual.py"


rule run_autograd:
    """Differentiate the author's forward.py with PyTorch's autograd on every run, in one dtype."""
    input:
        forward=experiments.differentiated,
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        after=ancient("experiments/{experiment}/work/checked.txt"),
        recipe="experiments/{experiment}/work/recipes/run_autograd.{dtype}.json",
    output:
        gradients="experiments/{experiment}/work/{dtype}/autograd.safetensors",
    log:
        "experiments/{experiment}/work/logs/run_autograd.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("run_autograd"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../run_autograd.py"


rule prove_reference:
    """Enclose the gradient of one run in proven bounds, and hold autograd against it."""
    input:
        forward=experiments.differentiated,
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        after=ancient("experiments/{experiment}/work/checked.txt"),
        recipe="experiments/{experiment}/work/recipes/prove_reference.json",
    output:
        proof="experiments/{experiment}/work/proof.json",
    log:
        "experiments/{experiment}/work/logs/prove_reference.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("prove_reference"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../prove_reference.py"


rule compute_reference:
    """Differentiate forward.py in wider arithmetic, from the inputs as one dtype rounds them."""
    input:
        forward=experiments.differentiated,
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        proof="experiments/{experiment}/work/proof.json",
        after=ancient("experiments/{experiment}/work/checked.txt"),
        recipe="experiments/{experiment}/work/recipes/compute_reference.{dtype}.json",
    output:
        gradients="experiments/{experiment}/work/{dtype}/reference.safetensors",
        arithmetic="experiments/{experiment}/work/{dtype}/arithmetic.json",
    log:
        "experiments/{experiment}/work/logs/compute_reference.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("compute_reference"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../compute_reference.py"


rule measure_noise:
    """Measure the rounding noise of each gradient, in one dtype."""
    input:
        forward=experiments.differentiated,
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        after=ancient("experiments/{experiment}/work/checked.txt"),
        recipe="experiments/{experiment}/work/recipes/measure_noise.{dtype}.json",
    output:
        noise="experiments/{experiment}/work/{dtype}/noise.safetensors",
        overflows="experiments/{experiment}/work/{dtype}/overflows.json",
    log:
        "experiments/{experiment}/work/logs/measure_noise.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("measure_noise"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../measure_noise.py"


rule reorder_sums:
    """Call the author's backward.py on every run with numpy computing its sums, in one dtype."""
    input:
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/reorder_sums.{dtype}.json",
    output:
        gradients="experiments/{experiment}/work/{dtype}/reordered.safetensors",
        handed_over="experiments/{experiment}/work/{dtype}/handed_over.json",
    log:
        "experiments/{experiment}/work/logs/reorder_sums.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("reorder_sums"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../reorder_sums.py"


rule dump_graph:
    """Write the graph that autograd records while it executes the author's forward.py."""
    input:
        forward=experiments.differentiated,
        draws="experiments/{experiment}/work/draws.safetensors",
        after=ancient("experiments/{experiment}/work/checked.txt"),
        recipe="experiments/{experiment}/work/recipes/dump_graph.json",
    output:
        graph="experiments/{experiment}/work/graph.json",
    log:
        "experiments/{experiment}/work/logs/dump_graph.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("dump_graph"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../dump_graph.py"


rule ask_gradcheck:
    """Ask torch.autograd.gradcheck for a second opinion on the manual gradient."""
    input:
        forward=experiments.differentiated,
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/ask_gradcheck.json",
    output:
        opinion="experiments/{experiment}/work/gradcheck.json",
    log:
        "experiments/{experiment}/work/logs/ask_gradcheck.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("ask_gradcheck"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../ask_gradcheck.py"
