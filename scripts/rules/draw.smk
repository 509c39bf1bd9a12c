"""What is drawn: the inputs of every run, their cotangents, and where each chunk of many runs begins."""


rule generate_tensors:
    """Draw the inputs of every run, in float32, from the seeds of the config."""
    input:
        recipe="<recipes>/generate_tensors.json",
    output:
        draws="<work>/draws.safetensors",
        states="<work>/states.safetensors",
    log:
        "<logs>/generate_tensors.log",
    conda:
        "../../envs/torch.yaml"
    params:
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
    script:
        "../generate_tensors.py"


rule draw_cotangents:
    """Give every run the cotangent that its gradient is pulled back from."""
    input:
        forward="<experiment>/forward.py",
        draws="<work>/draws.safetensors",
        states="<work>/states.safetensors",
        recipe="<recipes>/draw_cotangents.json",
    output:
        cotangents="<work>/cotangents.safetensors",
    log:
        "<logs>/draw_cotangents.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        time_limit=experiments.setting("time_limit", 60),
    script:
        "../draw_cotangents.py"


rule mark_chunks:
    """Note the generators' states before each chunk of the runs that are not looked at closely."""
    input:
        states="<work>/states.safetensors",
        cotangents="<work>/cotangents.safetensors",
        recipe="<recipes>/mark_chunks.json",
    output:
        starts="<work>/starts.safetensors",
        cotangent_starts="<work>/cotangent_starts.safetensors",
    log:
        "<logs>/mark_chunks.log",
    conda:
        "../../envs/torch.yaml"
    params:
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        chunks=experiments.chunks,
    script:
        "../mark_chunks.py"
