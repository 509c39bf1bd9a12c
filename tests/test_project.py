"""What holds the project together: pins, imports, and rules that name what they use."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from autograd_by_hand.pipeline.code_fingerprint import Code
from tests.conftest import ROOT

COMMANDS = ("compare", "record", "sign", "verify")  # which a person starts, and no rule
STAGES = sorted(
    path.stem for path in (ROOT / "scripts").glob("[a-z]*.py") if path.stem not in COMMANDS
)
IMPORTED_AS = {
    "flint": "python-flint",
    "markdown_it": "markdown-it-py",
    "mdit_py_plugins": "mdit-py-plugins",
    "yaml": "pyyaml",
}
CONDA = sorted(path.name for path in (ROOT / "envs").glob("*.yaml"))
SNAKEFILES = [ROOT / "Snakefile", *sorted((ROOT / "scripts/rules").glob("*.smk"))]
RULES = {
    match[1]: match[0]
    for path in SNAKEFILES
    for match in re.finditer(r"^rule (\w+):\n(?:[ \t].*\n|\n)+", path.read_text(), re.MULTILINE)
}


def pins(path: Path) -> dict[str, str]:
    """The `name==version` pairs of a requirements or conda file."""
    return dict(re.findall(r"^[ -]*([\w-]+)==(\S+)$", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("file", CONDA)
def test_conda_pins_are_those_of_the_requirements(file: str) -> None:
    conda = pins(ROOT / "envs" / file)
    assert conda
    assert conda.items() <= pins(ROOT / "envs/requirements.txt").items()


def test_every_requirement_is_pinned_exactly() -> None:
    lines = (ROOT / "envs/requirements.txt").read_text().splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert len(names) == len(pins(ROOT / "envs/requirements.txt"))


def test_conda_files_name_what_their_stages_import() -> None:
    code = Code(ROOT)
    for file in CONDA:
        rules = [name for name, text in RULES.items() if f'"../../envs/{file}"' in text]
        modules = {module for rule in rules for module in code.modules_of(f"scripts/{rule}.py")}
        imported = {name for module in modules for name in third_party(ROOT / module)}
        assert imported == set(pins(ROOT / "envs" / file)), file


def third_party(path: Path) -> set[str]:
    """The packages outside the standard library and this project that a module imports."""
    import sys

    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    names = {IMPORTED_AS.get(name, name) for name in names}
    return names - set(sys.stdlib_module_names) - {"autograd_by_hand", *STAGES}


def test_every_stage_is_one_rule_one_script_one_function() -> None:
    assert set(STAGES) == set(RULES) - {"all", "archive"}
    for stage in STAGES:
        tree = ast.parse((ROOT / f"scripts/{stage}.py").read_text())
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        public = [name for name in functions if not name.startswith("_")]
        assert public == [stage]
        assert f'script:\n        "../{stage}.py"' in RULES[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_rule_has_a_recipe_by_the_name_of_its_log(stage: str) -> None:
    (log,) = re.findall(r'"(experiments/(?:\{experiment\}/)?work/logs/.*)\.log"', RULES[stage])
    assert f'recipe="{log.replace("/logs/", "/recipes/")}.json"' in RULES[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_rule_names_an_environment_and_a_log(stage: str) -> None:
    assert re.search(r'conda:\n        "\.\./\.\./envs/(torch|report|numpy)\.yaml"', RULES[stage])
    assert f"work/logs/{stage}" in RULES[stage]


LIGHT = [stage for stage in STAGES if 'envs/torch.yaml"' not in RULES[stage]]


@pytest.mark.parametrize("stage", LIGHT)
def test_a_stage_of_the_other_environments_imports_no_torch(stage: str, run_python) -> None:
    code = f"import sys, {stage}; print('torch' in sys.modules)"
    assert run_python(code).stdout.strip() == "False"


def test_the_snakefile_imports_no_numerical_library(run_python) -> None:
    code = "import sys, autograd_by_hand.pipeline.hooks, autograd_by_hand.pipeline.kept_outputs, autograd_by_hand.pipeline.project_files; print({'torch', 'numpy', 'pandas'} & set(sys.modules))"
    assert run_python(code).stdout.strip() == "set()"


def test_the_schema_describes_a_closed_config() -> None:
    schema = yaml.safe_load((ROOT / "experiments/schema.yaml").read_text())

    def objects(value: object) -> list[dict[str, object]]:
        if isinstance(value, list):
            return [found for item in value for found in objects(item)]
        if not isinstance(value, dict):
            return []
        own = [value] if value.get("type") == "object" else []
        return own + [found for item in value.values() for found in objects(item)]

    assert objects(schema)
    assert all("additionalProperties" in found for found in objects(schema))


def test_no_module_unpickles_or_evaluates() -> None:
    forbidden = re.compile(r"\bimport pickle\b|torch\.load\(|np\.load\(|\beval\(|\.npz\b")
    for path in (ROOT / "scripts").rglob("*.py"):
        assert not forbidden.search(path.read_text()), path


def test_few_mappings_hold_just_anything() -> None:
    """What a stage writes and another reads has a type of its own, as far as anyone can know it.

    The rest are what torch, exec or a file that nobody checked yet may fill with anything.
    """
    anything = re.compile(r"\b(?:dict|Mapping)\[str, Any\]")
    found = [
        (path.relative_to(ROOT), line)
        for path in sorted((ROOT / "scripts").rglob("*.py"))
        for line in path.read_text().splitlines()
        if anything.search(line)
    ]
    assert len(found) <= 40, found
    renamed = re.compile(r"\w+(: TypeAlias)? = (dict|Mapping)\[str, Any\]$")
    assert not [line for _, line in found if renamed.match(line)], "an alias hides them"


def test_the_snakefile_is_a_table_of_contents() -> None:
    lines = SNAKEFILES[0].read_text().splitlines()
    assert len(lines) <= 150
    included = re.findall(r'^include: "(.*)"$', "\n".join(lines), re.MULTILINE)
    assert sorted(included) == [str(path.relative_to(ROOT)) for path in SNAKEFILES[1:]]
    assert not [line for line in lines if line.startswith(("def ", "class "))]


def test_every_target_that_make_is_told_of_has_a_rule() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    promised = {*phony[1].split(), *re.findall(r"`make ([\w-]+)", text)}
    assert promised <= set(re.findall(r"^([\w./-]+):", text, re.MULTILINE))
