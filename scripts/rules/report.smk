"""What is kept: the pictures, the report, its page, the manifest, the index and the archive."""


rule draw_figures:
    """Draw the experiment's pictures, worded in one language."""
    input:
        errors="<experiment>/errors.csv",
        graph="<work>/graph.json",
        facts=experiments.per_dtype("facts.json"),
        attributions=experiments.per_dtype("attribution.json"),
        operations=experiments.shown("operations.json"),
        orders=experiments.shown("orders.json"),
        manual=experiments.shown("manual.safetensors"),
        reference=experiments.shown("reference.safetensors"),
        templates=picture_templates(),
        catalogue=experiments.catalogue,
        recipe="<recipes>/draw_figures{edition}.json",
    output:
        by_dtype=kept(
            "<experiment>/figures/error_by_dtype{edition}.svg",
            "Error by format",
            "Pictures",
        ),
        by_run=kept(
            "<experiment>/figures/error_by_run{edition}.svg",
            "Error by run",
            "Pictures",
        ),
        in_ulps=kept(
            "<experiment>/figures/error_in_ulps{edition}.svg",
            "Signed errors in ulps",
            "Pictures",
        ),
        places=kept(
            "<experiment>/figures/error_places{edition}.svg",
            "Where the errors sit",
            "Pictures",
        ),
        chain=kept(
            "<experiment>/figures/graph{edition}.svg",
            "The graph",
            "Pictures",
        ),
        trees=kept(
            "<experiment>/figures/orders{edition}.svg",
            "How each sum is added",
            "Pictures",
        ),
        shares=kept(
            "<experiment>/figures/shares{edition}.svg",
            "What moves the bits",
            "Pictures",
        ),
    log:
        "<logs>/draw_figures{edition}.log",
    conda:
        "../../envs/report.yaml"
    params:
        dtypes=experiments.setting("dtypes"),
        gradients=experiments.gradients,
        language=experiments.language,
    script:
        "../draw_figures.py"


rule render_report:
    """Tell what was measured and judged, in REPORT.md, and in REPORT.es.md for Spanish."""
    input:
        errors="<experiment>/errors.csv",
        judgement="<work>/judgement.json",
        facts=experiments.per_dtype("facts.json"),
        calls=experiments.per_dtype("calls.json"),
        arithmetic=experiments.per_dtype("arithmetic.json"),
        handed_over=experiments.per_dtype("handed_over.json"),
        replays=experiments.per_dtype("replay.json"),
        attributions=experiments.per_dtype("attribution.json"),
        operations=experiments.shown("operations.json"),
        orders=experiments.shown("orders.json"),
        tails="<work>/tails.json",
        oracle="<work>/oracle.json",
        opinion="<work>/gradcheck.json",
        tried=experiments.pitfalls,
        graph="<work>/graph.json",
        environment="<work>/environment.json",
        written=experiments.written_by_author,
        figures=rules.draw_figures.output,
        template="templates/REPORT.md.j2",
        catalogue=experiments.catalogue,
        recipe="<recipes>/render_report{edition}.json",
    output:
        report=update("<experiment>/REPORT{edition}.md"),
    log:
        "<logs>/render_report{edition}.log",
    conda:
        "../../envs/report.yaml"
    params:
        title=experiments.setting("title"),
        question=experiments.setting("question"),
        specs=experiments.setting("tensors"),
        samples=experiments.setting("samples"),
        dtypes=experiments.setting("dtypes"),
        language=experiments.language,
        languages=experiments.languages,
        translations=experiments.setting("translations", {}),
    script:
        "../render_report.py"


rule render_page:
    """Make of the report one HTML file that needs no other."""
    input:
        report="<experiment>/REPORT{edition}.md",
        judgement="<work>/judgement.json",
        figures=rules.draw_figures.output,
        written=experiments.written_by_author,
        templates=PAGE_TEMPLATES,
        catalogue=experiments.catalogue,
        recipe="<recipes>/render_page{edition}.json",
    output:
        page=kept(
            "<experiment>/REPORT{edition}.html",
            "The whole report",
            "Report",
        ),
    log:
        "<logs>/render_page{edition}.log",
    conda:
        "../../envs/report.yaml"
    params:
        language=experiments.language,
    script:
        "../render_page.py"


rule write_manifest:
    """List what the experiment is made of, with hashes, in manifest.json."""
    input:
        judgement="<work>/judgement.json",
        oracle="<work>/oracle.json",
        opinion="<work>/gradcheck.json",
        graph="<work>/graph.json",
        environment="<work>/environment.json",
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
        recipe="<recipes>/write_manifest.json",
    output:
        manifest=update("<experiment>/manifest.json"),
    log:
        "<logs>/write_manifest.log",
    conda:
        "../../envs/report.yaml"
    params:
        settings=experiments.settings_of_results,
        modules=source_modules(),
    script:
        "../write_manifest.py"


rule write_index:
    """List all experiments with their verdicts.

    It waits for every experiment, and stays as it was if one of them has no report. A run of one
    experiment's report alone leaves it alone.
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
    params:
        dtypes=["float64", "float32", "bfloat16", "float16"],
    script:
        "../write_index.py"


rule write_archive:
    """Pack an experiment with all that is needed to check it and to run it again."""
    input:
        manifest="<experiment>/manifest.json",
        citation="CITATION.cff",
        written=experiments.written_by_author,
        outputs=experiments.outputs(
            rules.render_report, rules.render_page, rules.draw_figures
        ),
        cached=experiments.cached,
        gradients=experiments.per_dtype("gradients.safetensors"),
        same=experiments.per_dtype("same.json"),
        project=project_files(),
        recipe="<recipes>/write_archive.json",
    output:
        archive="archives/{experiment}.tar.gz",
    log:
        "<logs>/write_archive.log",
    conda:
        "../../envs/report.yaml"
    params:
        config=experiments.config,
        version=package_version("snakemake"),
    script:
        "../write_archive.py"
