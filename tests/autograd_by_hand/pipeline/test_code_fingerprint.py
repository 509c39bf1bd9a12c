import ast
from pathlib import Path

import pytest

from autograd_by_hand.pipeline.code_fingerprint import code_hash, modules_of

ROOT = Path(__file__).parents[3]
OURS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "scripts").rglob("*.py"))
TREE = {
    "scripts/one.py": "from autograd_by_hand.sums import add\n\nLIMIT = 5\n\ndef one():\n    return add(1, LIMIT)\n",
    "scripts/two.py": "import os\n\ndef two():\n    from autograd_by_hand.words import (\n        say,\n    )\n    return say(os.name)\n",
    "scripts/three.py": "THREE = 3\n",
    "scripts/autograd_by_hand/sums.py": "from autograd_by_hand.deep.base import ZERO\n\ndef add(a, b):\n    return ZERO + a + b\n",
    "scripts/autograd_by_hand/words.py": "from autograd_by_hand.deep.base import ZERO\n\ndef say(text):\n    return text * ZERO\n",
    "scripts/autograd_by_hand/deep/base.py": "ZERO = 0\n",
    "scripts/autograd_by_hand/unused.py": "UNUSED = 1\n",
}
SCRIPTS = ("scripts/one.py", "scripts/two.py", "scripts/three.py")


def plant(root: Path, **changes: str) -> Path:
    """Write the tree under a new root: a file read once is not read again in one process."""
    for name, text in (TREE | changes).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def affected(tmp_path: Path, name: str, text: str) -> set[str]:
    """The scripts whose hash differs when the file `name` says `text`."""
    before, after = plant(tmp_path / "before"), plant(tmp_path / "after", **{name: text})
    return {script for script in SCRIPTS if code_hash(script, before) != code_hash(script, after)}


def test_the_modules_of_a_script_are_itself_its_imports_and_theirs(tmp_path):
    assert modules_of("scripts/one.py", plant(tmp_path)) == [
        "scripts/autograd_by_hand/deep/base.py",
        "scripts/autograd_by_hand/sums.py",
        "scripts/one.py",
    ]


def test_an_import_within_a_function_counts(tmp_path):
    assert "scripts/autograd_by_hand/words.py" in modules_of("scripts/two.py", plant(tmp_path))


def test_modules_that_import_each_other_are_found_once(tmp_path):
    changes = {
        "scripts/autograd_by_hand/deep/base.py": "ZERO = 0\nfrom autograd_by_hand.sums import add\n"
    }
    found = modules_of("scripts/one.py", plant(tmp_path, **changes))
    assert found == [
        "scripts/autograd_by_hand/deep/base.py",
        "scripts/autograd_by_hand/sums.py",
        "scripts/one.py",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n" + TREE["scripts/one.py"],
        TREE["scripts/one.py"].replace("LIMIT = 5", "LIMIT = 5  # a comment"),
        TREE["scripts/one.py"].replace("\n\n", "\n\n\n\n"),
        TREE["scripts/one.py"].replace("add(1, LIMIT)", "add(\n        1,\n        LIMIT,\n    )"),
        TREE["scripts/one.py"].replace("\n", "\r\n"),
    ],
    ids=["a comment line", "a comment behind code", "blank lines", "line breaks", "line ends"],
)
def test_what_does_not_change_the_meaning_changes_no_hash(tmp_path, text):
    assert text != TREE["scripts/one.py"]
    assert affected(tmp_path, "scripts/one.py", text) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [("LIMIT = 5", "LIMIT = 6"), ("LIMIT = 5", "LIMIT = 5.0"), ("add(1, LIMIT)", "add(LIMIT, 1)")],
    ids=["a constant", "a constant's type", "an order"],
)
def test_what_changes_the_meaning_changes_the_hash(tmp_path, old, new):
    text = TREE["scripts/one.py"].replace(old, new)
    assert affected(tmp_path, "scripts/one.py", text) == {"scripts/one.py"}


@pytest.mark.parametrize(
    ("edited", "importers"),
    [
        ("scripts/one.py", {"scripts/one.py"}),
        ("scripts/three.py", {"scripts/three.py"}),
        ("scripts/autograd_by_hand/sums.py", {"scripts/one.py"}),
        ("scripts/autograd_by_hand/words.py", {"scripts/two.py"}),
        ("scripts/autograd_by_hand/deep/base.py", {"scripts/one.py", "scripts/two.py"}),
        ("scripts/autograd_by_hand/unused.py", set()),
    ],
)
def test_an_edited_module_changes_exactly_its_importers(tmp_path, edited, importers):
    assert affected(tmp_path, edited, TREE[edited] + "NEW = 1\n") == importers


def test_the_folder_the_code_lies_in_does_not_matter(tmp_path):
    here, there = plant(tmp_path / "here"), plant(tmp_path / "there")
    assert code_hash("scripts/one.py", here) == code_hash("scripts/one.py", there)


def test_two_scripts_that_say_the_same_have_hashes_of_their_own(tmp_path):
    root = plant(tmp_path, **{"scripts/two.py": TREE["scripts/one.py"]})
    assert code_hash("scripts/one.py", root) != code_hash("scripts/two.py", root)


def imported(path: str) -> set[str]:
    """The files of ours that a file imports, by its syntax tree."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            package = node.module or ""
            files = (ROOT / f"scripts/{package.replace('.', '/')}.py").is_file()
            found |= {package} if files else {f"{package}.{alias.name}" for alias in node.names}
    ours = {name for name in found if name.split(".")[0] == "autograd_by_hand"}
    return {f"scripts/{name.replace('.', '/')}.py" for name in ours}


@pytest.mark.parametrize("path", OURS)
def test_the_modules_found_are_those_that_the_syntax_trees_import(path):
    found, waiting = set(), [path]
    while waiting:
        if (file := waiting.pop()) not in found:
            found.add(file)
            waiting += imported(file)
    assert modules_of(path, ROOT) == sorted(found)
