"""The verdicts, the likeliest mistakes, the pitfalls, and whether the criteria hold."""


rule name_mistakes:
    """Name the likeliest mistake behind each gradient that is wrong in float64."""
    input:
        forward="<experiment>/forward.py",
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        manual="<work>/float64/manual.safetensors",
        reference="<work>/float64/reference.safetensors",
        facts="<work>/float64/facts.json",
        calls="<work>/float64/calls.json",
        recipe="<recipes>/name_mistakes.json",
    output:
        mistakes="<work>/mistakes.json",
    log:
        "<logs>/name_mistakes.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
    script:
        "../name_mistakes.py"


rule try_pitfalls:
    """Put the config's pitfalls on trial: the author's backward with a mistake made in it."""
    input:
        forward="<experiment>/forward.py",
        backward="<experiment>/backward.py",
        draws="<work>/draws.safetensors",
        cotangents="<work>/cotangents.safetensors",
        autograd=experiments.per_judged("autograd.safetensors"),
        reference=experiments.per_judged("reference.safetensors"),
        noise=experiments.per_judged("noise.safetensors"),
        arithmetic=experiments.per_judged("arithmetic.json"),
        oracle="<work>/oracle.json",
        recipe="<recipes>/try_pitfalls.json",
    output:
        tried="<work>/pitfalls.json",
    log:
        "<logs>/try_pitfalls.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        pitfalls=experiments.setting("pitfalls"),
        dtypes=experiments.judged,
        needed=experiments.needed,
    script:
        "../try_pitfalls.py"


rule judge_gradients:
    """Pass the verdict on each gradient, and evaluate the acceptance criteria."""
    input:
        errors="<experiment>/errors.csv",
        facts=experiments.per_dtype("facts.json"),
        calls=experiments.per_dtype("calls.json"),
        formula="<work>/float64/facts.json",
        mistakes="<work>/mistakes.json",
        oracle="<work>/oracle.json",
        attributions=experiments.per_dtype("attribution.json"),
        tried=experiments.pitfalls,
        graph="<work>/graph.json",
        recipe="<recipes>/judge_gradients.json",
    output:
        judgement="<work>/judgement.json",
    log:
        "<logs>/judge_gradients.log",
    conda:
        "../../envs/report.yaml"
    params:
        acceptance=experiments.setting("acceptance"),
        dtypes=experiments.setting("dtypes"),
    script:
        "../judge_gradients.py"


rule accept:
    """Succeed if every acceptance criterion holds; else name those that do not."""
    input:
        judgement="<work>/judgement.json",
        report=experiments.report,
        manifest="<experiment>/manifest.json",
        recipe="<recipes>/accept.json",
    output:
        accepted="<work>/accepted.txt",
    log:
        "<logs>/accept.log",
    retries: 0
    conda:
        "../../envs/report.yaml"
    script:
        "../accept.py"
