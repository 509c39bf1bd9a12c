"""The verdicts, the likeliest mistakes, the pitfalls and the acceptance criteria."""


rule name_mistakes:
    """Name the likeliest mistake behind each gradient that is wrong in float64."""
    input:
        forward=experiments.differentiated,
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        manual="experiments/{experiment}/work/float64/manual.safetensors",
        reference="experiments/{experiment}/work/float64/reference.safetensors",
        facts="experiments/{experiment}/work/float64/facts.json",
        calls="experiments/{experiment}/work/float64/calls.json",
        recipe="experiments/{experiment}/work/recipes/name_mistakes.json",
    output:
        mistakes="experiments/{experiment}/work/mistakes.json",
    log:
        "experiments/{experiment}/work/logs/name_mistakes.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("name_mistakes"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../name_mistakes.py"


rule try_pitfalls:
    """Put the config's pitfalls on trial: the author's backward with a mistake put in."""
    input:
        forward=experiments.differentiated,
        backward="experiments/{experiment}/backward.py",
        draws="experiments/{experiment}/work/draws.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        autograd=experiments.per_judged("autograd.safetensors"),
        reference=experiments.per_judged("reference.safetensors"),
        noise=experiments.per_judged("noise.safetensors"),
        arithmetic=experiments.per_judged("arithmetic.json"),
        oracle="experiments/{experiment}/work/oracle.json",
        recipe="experiments/{experiment}/work/recipes/try_pitfalls.json",
    output:
        tried="experiments/{experiment}/work/pitfalls.json",
    log:
        "experiments/{experiment}/work/logs/try_pitfalls.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("try_pitfalls"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        pitfalls=experiments.setting("pitfalls"),
        computes_in=experiments.setting("computes_in"),
        dtypes=experiments.judged,
        needed=experiments.needed,
    script:
        "../try_pitfalls.py"


rule try_sizes:
    """Put backward on trial at other sizes of the config's axes."""
    input:
        forward=experiments.differentiated,
        backward="experiments/{experiment}/backward.py",
        data=experiments.data,
        checked="experiments/{experiment}/work/checked.txt",
        recipe="experiments/{experiment}/work/recipes/try_sizes.json",
    output:
        tried="experiments/{experiment}/work/sizes.json",
    log:
        "experiments/{experiment}/work/logs/try_sizes.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("try_sizes"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        folder=experiments.folder,
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        arguments=experiments.setting("arguments", {}),
        computes_in=experiments.setting("computes_in"),
        takes_cotangent=experiments.takes_cotangent,
        sizes=experiments.sizes,
        dtypes=experiments.judged,
        needed=experiments.needed,
    script:
        "../try_sizes.py"


rule judge_gradients:
    """Pass the verdict on each gradient, and evaluate the acceptance criteria."""
    input:
        errors="experiments/{experiment}/errors.csv",
        facts=experiments.per_dtype("facts.json"),
        calls=experiments.per_dtype("calls.json"),
        formula="experiments/{experiment}/work/float64/facts.json",
        mistakes="experiments/{experiment}/work/mistakes.json",
        oracle="experiments/{experiment}/work/oracle.json",
        attributions=experiments.per_dtype("attribution.json"),
        tried=experiments.pitfalls,
        sizes=experiments.tried_sizes,
        graph="experiments/{experiment}/work/graph.json",
        handed_over=experiments.per_dtype("handed_over.json"),
        recipe="experiments/{experiment}/work/recipes/judge_gradients.json",
    output:
        judgement="experiments/{experiment}/work/judgement.json",
    log:
        "experiments/{experiment}/work/logs/judge_gradients.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("judge_gradients"),
    params:
        acceptance=experiments.setting("acceptance"),
        autograd=experiments.setting("autograd"),
        digits=experiments.setting("digits"),
        dtypes=experiments.setting("dtypes"),
    script:
        "../judge_gradients.py"


rule accept:
    """Succeed if every acceptance criterion holds; otherwise list those that do not."""
    input:
        judgement="experiments/{experiment}/work/judgement.json",
        report=experiments.report,
        recipe="experiments/{experiment}/work/recipes/accept.json",
    output:
        accepted="experiments/{experiment}/work/accepted.txt",
    log:
        "experiments/{experiment}/work/logs/accept.log",
    priority: -1
    retries: 0
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("accept"),
    params:
        acceptance=experiments.setting("acceptance"),
    script:
        "../accept.py"
