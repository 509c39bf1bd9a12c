"""The errors: of the runs that are fully analysed, of the chunks of the rest, and their tables."""


rule score_errors:
    """Measure how far the gradients of one format lie from each other and from the reference."""
    input:
        manual="<work>/{dtype}/manual.safetensors",
        autograd="<work>/{dtype}/autograd.safetensors",
        reference="<work>/{dtype}/reference.safetensors",
        reordered="<work>/{dtype}/reordered.safetensors",
        noise="<work>/{dtype}/noise.safetensors",
        arithmetic="<work>/{dtype}/arithmetic.json",
        recipe="<recipes>/score_errors.{dtype}.json",
    output:
        errors="<work>/{dtype}/errors.csv",
        facts="<work>/{dtype}/facts.json",
        tails="<work>/{dtype}/tails.json",
    log:
        "<logs>/score_errors.{dtype}.log",
    conda:
        "../../envs/report.yaml"
    params:
        needed=experiments.needed,
    script:
        "../score_errors.py"


rule measure_chunk:
    """Measure the errors of a chunk of runs, run by run, and keep no tensor."""
    input:
        forward="<experiment>/forward.py",
        backward="<experiment>/backward.py",
        checked="<work>/checked.txt",
        starts="<work>/starts.safetensors",
        cotangent_starts="<work>/cotangent_starts.safetensors",
        cotangents="<work>/cotangents.safetensors",
        arithmetic=experiments.per_dtype("arithmetic.json"),
        recipe="<recipes>/measure_chunk.{sample}.{first}-{last}.json",
    output:
        errors="<work>/chunks/{sample}.{first}-{last}.safetensors",
        tails="<work>/chunks/{sample}.{first}-{last}.json",
    log:
        "<logs>/measure_chunk.{sample}.{first}-{last}.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    params:
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        dtypes=experiments.setting("dtypes"),
        needed=experiments.needed,
    script:
        "../measure_chunk.py"


rule collect_errors:
    """Put the errors of all formats into the experiment's one table."""
    input:
        parts=experiments.per_dtype("errors.csv"),
        chunks=experiments.per_chunk(".safetensors"),
        recipe="<recipes>/collect_errors.json",
    output:
        errors=kept("<experiment>/errors.csv", "Every error of every run", "Tables"),
    log:
        "<logs>/collect_errors.log",
    conda:
        "../../envs/report.yaml"
    params:
        spans=experiments.chunks,
        needed=experiments.needed,
    script:
        "../collect_errors.py"


rule collect_tails:
    """Add up how far the elements are off, over all runs of the trial."""
    input:
        parts=experiments.per_dtype("tails.json"),
        chunks=experiments.per_chunk(".json", sample="trial"),
        recipe="<recipes>/collect_tails.json",
    output:
        tails="<work>/tails.json",
    log:
        "<logs>/collect_tails.log",
    conda:
        "../../envs/report.yaml"
    script:
        "../collect_tails.py"


rule collect_gradients:
    """Keep the gradients of the runs that are judged and shown, each bit once."""
    input:
        manual="<work>/{dtype}/manual.safetensors",
        autograd="<work>/{dtype}/autograd.safetensors",
        recipe="<recipes>/collect_gradients.{dtype}.json",
    output:
        gradients="<work>/{dtype}/gradients.safetensors",
        same="<work>/{dtype}/same.json",
    log:
        "<logs>/collect_gradients.{dtype}.log",
    conda:
        "../../envs/torch.yaml"
    script:
        "../collect_gradients.py"
