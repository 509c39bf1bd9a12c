"""The outputs: the pictures, the report, its page, the manifest, the index and the archive."""


rule draw_figures:
    """Draw the experiment's pictures, labelled in one language."""
    input:
        errors="experiments/{experiment}/errors.csv",
        graph="experiments/{experiment}/work/graph.json",
        facts=experiments.per_dtype("facts.json"),
        attributions=experiments.per_dtype("attribution.json"),
        operations=experiments.shown("operations.json"),
        orders=experiments.shown("orders.json"),
        manual=experiments.shown("manual.safetensors"),
        reference=experiments.shown("reference.safetensors"),
        templates=picture_templates(),
        catalogue=experiments.catalogue,
        recipe="experiments/{experiment}/work/recipes/draw_figures{edition}.json",
    output:
        by_dtype=kept(
            "experiments/{experiment}/figures/error_by_dtype{edition}.svg",
            "Error by format",
            "Pictures",
        ),
        by_run=kept(
            "experiments/{experiment}/figures/error_by_run{edition}.svg",
            "Error by run",
            "Pictures",
        ),
        in_ulps=kept(
            "experiments/{experiment}/figures/error_in_ulps{edition}.svg",
            "Signed errors in ulps",
            "Pictures",
        ),
        places=kept(
            "experiments/{experiment}/figures/error_places{edition}.svg",
            "Where the errors sit",
            "Pictures",
        ),
        chain=kept(
            "experiments/{experiment}/figures/graph{edition}.svg",
            "The graph",
            "Pictures",
        ),
        trees=kept(
            "experiments/{experiment}/figures/orders{edition}.svg",
            "How each sum is added",
            "Pictures",
        ),
        shares=kept(
            "experiments/{experiment}/figures/shares{edition}.svg",
            "What moves the bits",
            "Pictures",
        ),
    log:
        "experiments/{experiment}/work/logs/draw_figures{edition}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("draw_figures"),
    params:
        dtypes=experiments.setting("dtypes"),
        gradients=experiments.gradients,
        language=experiments.language,
    script:
        "../draw_figures.py"


rule render_report:
    """Write the report in one language: REPORT.md in English, REPORT.es.md in Spanish."""
    input:
        errors="experiments/{experiment}/errors.csv",
        judgement="experiments/{experiment}/work/judgement.json",
        facts=experiments.per_dtype("facts.json"),
        calls=experiments.per_dtype("calls.json"),
        arithmetic=experiments.per_dtype("arithmetic.json"),
        handed_over=experiments.per_dtype("handed_over.json"),
        replays=experiments.per_dtype("replay.json"),
        attributions=experiments.per_dtype("attribution.json"),
        operations=experiments.shown("operations.json"),
        orders=experiments.shown("orders.json"),
        tails="experiments/{experiment}/work/tails.json",
        oracle="experiments/{experiment}/work/oracle.json",
        proof="experiments/{experiment}/work/proof.json",
        opinion="experiments/{experiment}/work/gradcheck.json",
        tried=experiments.pitfalls,
        sizes=experiments.tried_sizes,
        graph="experiments/{experiment}/work/graph.json",
        environment="experiments/{experiment}/work/environment.json",
        made="experiments/{experiment}/work/inputs.json",
        mistakes="experiments/{experiment}/work/mistakes.json",
        written=experiments.written_by_author,
        figures=rules.draw_figures.output,
        template="templates/REPORT.md.j2",
        sections=report_templates(),
        catalogue=experiments.catalogue,
        recipe="experiments/{experiment}/work/recipes/render_report{edition}.json",
    output:
        report=update("experiments/{experiment}/REPORT{edition}.md"),
    log:
        "experiments/{experiment}/work/logs/render_report{edition}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("render_report"),
    params:
        title=experiments.setting("title"),
        question=experiments.setting("question"),
        specs=experiments.setting("tensors"),
        arguments=experiments.setting("arguments", {}),
        samples=experiments.setting("samples"),
        dtypes=experiments.setting("dtypes"),
        language=experiments.language,
        languages=experiments.languages,
        translations=experiments.setting("translations", {}),
        surrogate=experiments.setting("surrogate"),
        computes_in=experiments.setting("computes_in"),
    script:
        "../render_report.py"


rule render_page:
    """Convert the report to one self-contained HTML file."""
    input:
        report="experiments/{experiment}/REPORT{edition}.md",
        judgement="experiments/{experiment}/work/judgement.json",
        figures=rules.draw_figures.output,
        written=experiments.written_by_author,
        templates=PAGE_TEMPLATES,
        catalogue=experiments.catalogue,
        recipe="experiments/{experiment}/work/recipes/render_page{edition}.json",
    output:
        page=kept(
            "experiments/{experiment}/REPORT{edition}.html",
            "The whole report",
            "Report",
        ),
    log:
        "experiments/{experiment}/work/logs/render_page{edition}.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("render_page"),
    params:
        language=experiments.language,
    script:
        "../render_page.py"


rule write_manifest:
    """Write manifest.json: settings, versions, verdicts, and every file with its hash."""
    input:
        judgement="experiments/{experiment}/work/judgement.json",
        oracle="experiments/{experiment}/work/oracle.json",
        opinion="experiments/{experiment}/work/gradcheck.json",
        graph="experiments/{experiment}/work/graph.json",
        environment="experiments/{experiment}/work/environment.json",
        arithmetic=experiments.per_judged("arithmetic.json"),
        replays=experiments.per_dtype("replay.json"),
        attributions=experiments.per_dtype("attribution.json"),
        orders=experiments.per_dtype("orders.json"),
        written=experiments.written_by_author,
        cached=experiments.cached,
        computed=experiments.computed,
        outputs=experiments.outputs(
            rules.render_report, rules.render_page, rules.draw_figures
        ),
        snakefiles=snakefiles(),
        template="templates/manifest.json.j2",
        recipe="experiments/{experiment}/work/recipes/write_manifest.json",
    output:
        manifest=update("experiments/{experiment}/manifest.json"),
    log:
        "experiments/{experiment}/work/logs/write_manifest.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("write_manifest"),
    params:
        settings=experiments.settings_of_results,
        modules=source_modules(code),
    script:
        "../write_manifest.py"


rule write_index:
    """List all experiments with their verdicts.

    The index waits for every experiment and stays unchanged if one of them has no report. A run
    that makes only one experiment's report does not touch it.
    """
    input:
        manifests=experiments.of_all("manifest.json"),
        errors=experiments.of_all("errors.csv"),
        template="templates/index.md.j2",
        templates=PAGE_TEMPLATES,
        recipe="experiments/work/recipes/write_index.json",
    output:
        index=update("experiments/README.md"),
        page=kept(
            "experiments/index.html",
            "Every experiment and its verdict",
            category="All experiments",
        ),
    log:
        "experiments/work/logs/write_index.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("write_index"),
    params:
        dtypes=["float64", "float32", "bfloat16", "float16"],
    script:
        "../write_index.py"


rule write_archive:
    """Pack an experiment with everything that is needed to check it and to run it again."""
    input:
        manifest="experiments/{experiment}/manifest.json",
        citation="CITATION.cff",
        written=experiments.written_by_author,
        outputs=experiments.outputs(
            rules.render_report, rules.render_page, rules.draw_figures
        ),
        cached=experiments.cached,
        gradients=experiments.per_dtype("gradients.safetensors"),
        same=experiments.per_dtype("same.json"),
        project=project_files(),
        recipe="experiments/{experiment}/work/recipes/write_archive.json",
    output:
        archive="archives/{experiment}.tar.gz",
    log:
        "experiments/{experiment}/work/logs/write_archive.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=experiments.memory_mb("write_archive"),
    params:
        config=experiments.config,
        version=package_version("snakemake"),
    script:
        "../write_archive.py"
