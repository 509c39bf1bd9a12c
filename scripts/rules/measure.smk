"""The errors of the fully analysed runs and of the chunks of all others, and their tables."""


rule score_errors:
    """Measure how far the gradients of one dtype lie from each other and from the reference."""
    input:
        manual="experiments/{experiment}/work/{dtype}/manual.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
        reference="experiments/{experiment}/work/{dtype}/reference.safetensors",
        reordered="experiments/{experiment}/work/{dtype}/reordered.safetensors",
        noise=experiments.where_computed("noise.safetensors"),
        peer=experiments.where_computed("autograd.safetensors"),
        arithmetic="experiments/{experiment}/work/{dtype}/arithmetic.json",
        recipe="experiments/{experiment}/work/recipes/score_errors.{dtype}.json",
    output:
        errors="experiments/{experiment}/work/{dtype}/errors.csv",
        facts="experiments/{experiment}/work/{dtype}/facts.json",
        tails="experiments/{experiment}/work/{dtype}/tails.json",
    log:
        "experiments/{experiment}/work/logs/score_errors.{dtype}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("score_errors"),
    params:
        computed_in=experiments.computed_in,
        needed=experiments.needed,
    script:
        "../score_errors.py"


rule measure_chunk:
    """Measure the errors of a chunk of runs, run by run, without keeping tensors."""
    input:
        forward=experiments.differentiated,
        backward="experiments/{experiment}/backward.py",
        data=experiments.data,
        checked="experiments/{experiment}/work/checked.txt",
        draws="experiments/{experiment}/work/draws.safetensors",
        starts="experiments/{experiment}/work/starts.safetensors",
        cotangent_starts="experiments/{experiment}/work/cotangent_starts.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        arithmetic=experiments.per_dtype("arithmetic.json"),
        handed_over=experiments.per_dtype("handed_over.json"),
        recipe="experiments/{experiment}/work/recipes/measure_chunk.{sample}.{first}-{last}.json",
    output:
        errors="experiments/{experiment}/work/chunks/{sample}.{first}-{last}.safetensors",
        tails="experiments/{experiment}/work/chunks/{sample}.{first}-{last}.json",
    log:
        "experiments/{experiment}/work/logs/measure_chunk.{sample}.{first}-{last}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("measure_chunk"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        folder=experiments.folder,
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        dtypes=experiments.setting("dtypes"),
        needed=experiments.needed,
    script:
        "../measure_chunk.py"


rule collect_errors:
    """Collect the errors of all dtypes and runs in one table."""
    input:
        parts=experiments.per_dtype("errors.csv"),
        chunks=experiments.per_chunk(".safetensors"),
        recipe="experiments/{experiment}/work/recipes/collect_errors.json",
    output:
        errors=kept(
            "experiments/{experiment}/errors.csv", "Every error of every run", "Tables"
        ),
    log:
        "experiments/{experiment}/work/logs/collect_errors.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("collect_errors"),
    params:
        spans=experiments.chunks,
        needed=experiments.needed,
    script:
        "../collect_errors.py"


rule collect_tails:
    """Add up the histograms of the errors of all runs of the trial."""
    input:
        parts=experiments.per_dtype("tails.json"),
        chunks=experiments.per_chunk(".json", sample="trial"),
        recipe="experiments/{experiment}/work/recipes/collect_tails.json",
    output:
        tails="experiments/{experiment}/work/tails.json",
    log:
        "experiments/{experiment}/work/logs/collect_tails.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("collect_tails"),
    script:
        "../collect_tails.py"


rule collect_gradients:
    """Keep the gradients of the runs that are judged or shown, without duplicates."""
    input:
        manual="experiments/{experiment}/work/{dtype}/manual.safetensors",
        autograd="experiments/{experiment}/work/{dtype}/autograd.safetensors",
        recipe="experiments/{experiment}/work/recipes/collect_gradients.{dtype}.json",
    output:
        gradients="experiments/{experiment}/work/{dtype}/gradients.safetensors",
        same="experiments/{experiment}/work/{dtype}/same.json",
    log:
        "experiments/{experiment}/work/logs/collect_gradients.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("collect_gradients"),
    script:
        "../collect_gradients.py"
