"""The gradients: the author's, autograd's and the reference's, and what each is held against."""


rule check_forward:
    """Check autograd itself, by finite differences of forward along one direction."""
    input:
        forward="<experiment>/forward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recipe="<recipes>/check_forward.json",
    output:
        oracle="<work>/oracle.json",
    log:
        "<logs>/check_forward.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../check_forward.py"


rule check_backward:
    """Call the author's backward.py once, so that a mistake in it is told once."""
    input:
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recipe="<recipes>/check_backward.json",
    output:
        checked="<work>/checked.txt",
    log:
        "<logs>/check_backward.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../check_backward.py"


rule compute_manual:
    """Call the author's backward.py on every run, in one format."""
    input:
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        checked="<work>/checked.txt",
        recipe="<recipes>/compute_manual.{dtype}.json",
    output:
        gradients="<work>/{dtype}/manual.safetensors",
        calls="<work>/{dtype}/calls.json",
    log:
        "<logs>/compute_manual.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../compute_manual.py"


rule run_autograd:
    """Differentiate the author's forward.py by PyTorch's autograd on every run, in one format."""
    input:
        forward="<experiment>/forward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recipe="<recipes>/run_autograd.{dtype}.json",
    output:
        gradients="<work>/{dtype}/autograd.safetensors",
    log:
        "<logs>/run_autograd.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../run_autograd.py"


rule compute_reference:
    """Differentiate forward.py in wider arithmetic, from the inputs as one format rounds them."""
    input:
        forward="<experiment>/forward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recipe="<recipes>/compute_reference.{dtype}.json",
    output:
        gradients="<work>/{dtype}/reference.safetensors",
        arithmetic="<work>/{dtype}/arithmetic.json",
    log:
        "<logs>/compute_reference.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../compute_reference.py"


rule measure_noise:
    """Measure the rounding noise that each gradient must have, in one format."""
    input:
        forward="<experiment>/forward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recipe="<recipes>/measure_noise.{dtype}.json",
    output:
        noise="<work>/{dtype}/noise.safetensors",
        overflows="<work>/{dtype}/overflows.json",
    log:
        "<logs>/measure_noise.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../measure_noise.py"


rule reorder_sums:
    """Call the author's backward.py with its sums done by numpy, on every run, in one format."""
    input:
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        checked="<work>/checked.txt",
        recipe="<recipes>/reorder_sums.{dtype}.json",
    output:
        gradients="<work>/{dtype}/reordered.safetensors",
        handed_over="<work>/{dtype}/handed_over.json",
    log:
        "<logs>/reorder_sums.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../reorder_sums.py"


rule dump_graph:
    """Write down the graph that autograd records of the author's forward.py."""
    input:
        forward="<experiment>/forward.py",
        draws="<work>/draws.safetensors",
        recipe="<recipes>/dump_graph.json",
    output:
        graph="<work>/graph.json",
    log:
        "<logs>/dump_graph.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../dump_graph.py"


rule ask_gradcheck:
    """Ask torch.autograd.gradcheck for a second opinion."""
    input:
        forward="<experiment>/forward.py",
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        checked="<work>/checked.txt",
        recipe="<recipes>/ask_gradcheck.json",
    output:
        opinion="<work>/gradcheck.json",
    log:
        "<logs>/ask_gradcheck.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../ask_gradcheck.py"
