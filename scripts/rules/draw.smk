"""The draws: the inputs of every run, the cotangents, and the generators' state at each chunk."""


rule generate_tensors:
    """Make the inputs of every run: draw them from the config's seeds, or take them as given."""
    input:
        data=experiments.data,
        recipe="experiments/{experiment}/work/recipes/generate_tensors.json",
    output:
        draws="experiments/{experiment}/work/draws.safetensors",
        states="experiments/{experiment}/work/states.safetensors",
        made="experiments/{experiment}/work/inputs.json",
    log:
        "experiments/{experiment}/work/logs/generate_tensors.log",
    priority: 1
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("generate_tensors"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        folder=experiments.folder,
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        arguments=experiments.setting("arguments", {}),
        dtypes=experiments.dtypes_of_made,
        computes_in=experiments.setting("computes_in"),
    script:
        "../generate_tensors.py"


rule draw_cotangents:
    """Draw the cotangent of every run, which backward pulls back to the inputs."""
    input:
        forward=experiments.differentiated,
        replaced=experiments.replaced,
        draws="experiments/{experiment}/work/draws.safetensors",
        states="experiments/{experiment}/work/states.safetensors",
        recipe="experiments/{experiment}/work/recipes/draw_cotangents.json",
    output:
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
    log:
        "experiments/{experiment}/work/logs/draw_cotangents.log",
    priority: 1
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("draw_cotangents"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        needed=experiments.needed,
        takes_cotangent=experiments.takes_cotangent,
    script:
        "../draw_cotangents.py"


rule mark_chunks:
    """Save the generators' states before each chunk of the runs that are not fully analysed."""
    input:
        data=experiments.data,
        states="experiments/{experiment}/work/states.safetensors",
        cotangents="experiments/{experiment}/work/cotangents.safetensors",
        recipe="experiments/{experiment}/work/recipes/mark_chunks.json",
    output:
        starts="experiments/{experiment}/work/starts.safetensors",
        cotangent_starts="experiments/{experiment}/work/cotangent_starts.safetensors",
    log:
        "experiments/{experiment}/work/logs/mark_chunks.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=experiments.memory_mb("mark_chunks"),
        time_limit=experiments.setting("time_limit", 60),
    params:
        folder=experiments.folder,
        arguments=experiments.setting("arguments", {}),
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        chunks=experiments.chunks,
    script:
        "../mark_chunks.py"
