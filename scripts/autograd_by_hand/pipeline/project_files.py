"""List the files of the pipeline itself: its code, its rules, its templates."""

from pathlib import Path

from autograd_by_hand.pipeline.code_fingerprint import Code

PAGE_TEMPLATES = (
    "templates/page.html.j2",
    "templates/page.css.j2",
    "templates/figures/picture.css.j2",
)
PROJECT = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "LICENSE",
    "Snakefile",
    "docs/*",
    "envs/*",
    "experiments/schema.yaml",
    "profiles/*/*",
    "pyproject.toml",
    "scripts/**/*.py",
    "scripts/**/*.json",
    "scripts/**/*.sh",
    "scripts/**/*.smk",
    "templates/**/*",
)


def project_files() -> list[str]:
    """The pipeline's own files that an archive needs to be run again."""
    return _files(*PROJECT)


def picture_templates() -> list[str]:
    """The templates of the pictures."""
    return _files("templates/figures/*.j2")


def report_templates() -> list[str]:
    """The templates of the report's sections."""
    return _files("templates/report/*.j2")


def snakefiles() -> list[str]:
    """The Snakefile and the rules that it includes."""
    return _files("Snakefile", "scripts/rules/*.smk")


def source_modules(code: Code) -> list[str]:
    """The stages and commands, `pipeline`, and every module of the project that these import."""
    scripts = _files("scripts/[a-z]*.py", "scripts/autograd_by_hand/pipeline/[a-z]*.py")
    return sorted({module for script in scripts for module in code.modules_of(script)})


def _files(*patterns: str) -> list[str]:
    return sorted(
        {path.as_posix() for each in patterns for path in Path().glob(each) if path.is_file()}
    )
