import ast
from functools import cache
from pathlib import Path

import pytest

from autograd_by_hand.pipeline.code_fingerprint import Code

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
CODE = Code(ROOT)
BASE = "scripts/autograd_by_hand/deep/base.py"
SCRIPTS = ("scripts/one.py", "scripts/two.py", "scripts/three.py")


def plant(root: Path, **changes: str) -> Code:
    """The code of the tree under a root."""
    for name, text in (TREE | changes).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Code(root)


def affected(tmp_path: Path, name: str, text: str, **before: str) -> set[str]:
    """The scripts whose hash differs when the file `name` says `text`."""
    old, new = (
        plant(tmp_path / "old", **before),
        plant(tmp_path / "new", **before | {name: text}),
    )
    return {script for script in SCRIPTS if old.hash_of(script) != new.hash_of(script)}


def test_the_modules_of_a_script_are_itself_its_imports_and_theirs(tmp_path):
    assert plant(tmp_path).modules_of("scripts/one.py") == [
        "scripts/autograd_by_hand/deep/base.py",
        "scripts/autograd_by_hand/sums.py",
        "scripts/one.py",
    ]


def test_a_script_that_another_imports_counts_with_what_it_uses(tmp_path: Path) -> None:
    importing = {"scripts/three.py": "from one import one\n\ndef three():\n    return one()\n"}
    edited = TREE["scripts/one.py"].replace("LIMIT = 5", "LIMIT = 6")
    users = {"scripts/one.py", "scripts/three.py"}
    assert affected(tmp_path / "1", "scripts/one.py", edited, **importing) == users
    assert affected(tmp_path / "2", BASE, "ZERO = 1\n", **importing) == {*SCRIPTS}
    code = plant(tmp_path / "3", **importing)
    assert code.modules_of("scripts/three.py") == [
        *code.modules_of("scripts/one.py"),
        "scripts/three.py",
    ]


def test_an_import_within_a_function_counts(tmp_path):
    assert "scripts/autograd_by_hand/words.py" in plant(tmp_path).modules_of("scripts/two.py")


def test_modules_that_import_each_other_are_found_once(tmp_path):
    changes = {
        "scripts/autograd_by_hand/deep/base.py": "ZERO = 0\nfrom autograd_by_hand.sums import add\n"
    }
    found = plant(tmp_path, **changes).modules_of("scripts/one.py")
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
    ("edited", "users"),
    [
        ("scripts/one.py", {"scripts/one.py"}),
        ("scripts/three.py", {"scripts/three.py"}),
        ("scripts/autograd_by_hand/sums.py", {"scripts/one.py"}),
        ("scripts/autograd_by_hand/words.py", {"scripts/two.py"}),
        ("scripts/autograd_by_hand/deep/base.py", {"scripts/one.py", "scripts/two.py"}),
        ("scripts/autograd_by_hand/unused.py", set()),
    ],
)
def test_an_edited_definition_changes_exactly_the_scripts_that_use_it(
    tmp_path: Path, edited: str, users: set[str]
) -> None:
    text = TREE[edited]
    for old, new in (("LIMIT = 5", "LIMIT = 6"), ("THREE = 3", "THREE = 4"), ("= 0", "= 1")):
        text = text.replace(old, new)
    text = (
        text.replace("+ b", "- b").replace("text *", "text %").replace("UNUSED = 1", "UNUSED = 2")
    )
    assert text != TREE[edited]
    assert affected(tmp_path, edited, text) == users


@pytest.mark.parametrize(
    ("added", "users"),
    [
        ("NEW = 1\n", set()),
        ("def new():\n    return ZERO\n", set()),
        ("class New:\n    one = ZERO\n", set()),
        ("import os\n\ndef new():\n    return os.name\n", set()),
        ("NEW = print()\n", {"scripts/one.py", "scripts/two.py"}),
        ("NEW = [print() for _ in '1']\n", {"scripts/one.py", "scripts/two.py"}),
        ("NEW = lambda: print()\n", set()),
        ("NEW = lambda x=print(): x\n", {"scripts/one.py", "scripts/two.py"}),
        ("print()\n", {"scripts/one.py", "scripts/two.py"}),
        ("ZERO += 1\n", {"scripts/one.py", "scripts/two.py"}),
        ("ZERO = 1\n", {"scripts/one.py", "scripts/two.py"}),
        ("A = {}\nA['a'] = ZERO\n", {"scripts/one.py", "scripts/two.py"}),
        ("if ZERO:\n    ZERO = 1\n", {"scripts/one.py", "scripts/two.py"}),
        ("import ml_dtypes\n", {"scripts/one.py", "scripts/two.py"}),
        ("def new(x=print()):\n    return x\n", {"scripts/one.py", "scripts/two.py"}),
        ("class New:\n    one = print()\n", {"scripts/one.py", "scripts/two.py"}),
        ("class New(metaclass=print()):\n    one = 1\n", {"scripts/one.py", "scripts/two.py"}),
        ("@register\ndef new():\n    return 1\n", {"scripts/one.py", "scripts/two.py"}),
        ("@cache\ndef new():\n    return 1\n", set()),
        ("@dataclass(frozen=True)\nclass New:\n    one: int\n", set()),
    ],
)
def test_what_is_added_counts_if_it_acts_when_it_is_imported(
    tmp_path: Path, added: str, users: set[str]
) -> None:
    assert affected(tmp_path, BASE, TREE[BASE] + added) == users


@pytest.mark.parametrize(
    "text",
    [
        "from math import inf as ZERO\n",
        "from autograd_by_hand.unused import UNUSED as ZERO\n",
        "import math as ZERO\n",
        "(ZERO, ONE) = (0, 1)\n",
    ],
)
def test_another_definition_of_a_name_counts(tmp_path: Path, text: str) -> None:
    assert affected(tmp_path, BASE, text) == {"scripts/one.py", "scripts/two.py"}


def test_a_definition_is_followed_through_other_definitions(tmp_path: Path) -> None:
    through = {
        "scripts/autograd_by_hand/sums.py": """\
from autograd_by_hand.unused import UNUSED as LOST

TABLE = {"add": lambda: Adder}

class Adder:
    def __call__(self):
        def within():
            from autograd_by_hand.deep.base import ZERO as NOTHING
            return NOTHING
        return within()

def add(a, b):
    return TABLE
"""
    }
    edited = TREE[BASE].replace("0", "1")
    assert affected(tmp_path / "1", BASE, edited, **through) == {"scripts/one.py", "scripts/two.py"}
    unused = "scripts/autograd_by_hand/unused.py"
    assert affected(tmp_path / "2", unused, "UNUSED = 2\n", **through) == set()


SHOWN = {
    "scripts/one.py": """\
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.progress import progress, tell
from autograd_by_hand.pipeline.run_stage import run_stage

def one(items):
    \"\"\"Sum them.\"\"\"
    tell("begins")
    total = 0
    for item in progress(items, "one, items"):
        if item < 0:
            raise UserError(f"{item}: is negative")
        total += item
    return total

if __name__ == "__main__":
    run_stage(one)
""",
    "scripts/autograd_by_hand/core/errors.py": "class UserError(Exception):\n    pass\n",
    "scripts/autograd_by_hand/core/progress.py": """\
import sys

def tell(text):
    print(text)

def progress(items, what):
    for item in items:
        tell(what)
        yield item
""",
    "scripts/autograd_by_hand/pipeline/run_stage.py": "def run_stage(stage):\n    stage([1])\n",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"begins"', '"starts"'),
        ('    tell("begins")\n', ""),
        ('"one, items"', 'f"one of {len(items)}"'),
        ('progress(items, "one, items")', "items"),
        ("is negative", "is below 0"),
        ("Sum them.", "Add them up."),
        ('    """Sum them."""\n', ""),
    ],
)
def test_what_is_only_shown_changes_no_hash(tmp_path: Path, old: str, new: str) -> None:
    text = SHOWN["scripts/one.py"].replace(old, new)
    assert text != SHOWN["scripts/one.py"]
    assert affected(tmp_path, "scripts/one.py", text, **SHOWN) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("progress(items,", "progress(items[1:],"),
        ("item < 0", "item < 1"),
        ("raise UserError", "raise ValueError"),
        ("import progress, tell", "import progress, tell as progress, tell"),
    ],
)
def test_what_stands_beside_it_does(tmp_path: Path, old: str, new: str) -> None:
    text = SHOWN["scripts/one.py"].replace(old, new)
    assert text != SHOWN["scripts/one.py"]
    assert affected(tmp_path, "scripts/one.py", text, **SHOWN) == {"scripts/one.py"}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("core/progress", "print(text)", "print(text, flush=True)"),
        ("core/progress", "tell(what)", "tell(f'{what}: {item}')"),
        ("pipeline/run_stage", "stage([1])", "stage([2])"),
    ],
)
def test_how_a_stage_is_started_and_shown_changes_no_hash(
    tmp_path: Path, name: str, old: str, new: str
) -> None:
    path = f"scripts/autograd_by_hand/{name}.py"
    text = SHOWN[path].replace(old, new)
    assert text != SHOWN[path]
    assert affected(tmp_path, path, text, **SHOWN) == set()


@pytest.mark.parametrize(
    ("caught", "counts"),
    [
        ("except UserError as error:\n        return error", True),
        ("except Exception as error:\n        return error", True),
        ("except BaseException as error:\n        return error", True),
        ("except (ValueError, UserError) as error:\n        return error", True),
        ("except FAILURES as error:\n        return error", True),
        ("except FAILURES[0] as error:\n        return error", True),
        ("except UserError:\n        return 0", False),
        ("except:\n        return 0", False),
        ("except (ValueError, OSError) as error:\n        return error", False),
        ("except os.error as error:\n        return error", False),
        ("except Own as error:\n        return error", False),
        (
            "except UserError:\n        raise\n    except Exception as error:\n        return 0",
            False,
        ),
        ("except OSError:\n        raise\n    except Exception as error:\n        return 0", True),
    ],
)
def test_the_sentence_of_an_error_counts_where_it_may_be_kept(
    tmp_path: Path, caught: str, counts: bool
) -> None:
    tree = SHOWN | {
        "scripts/two.py": f"""\
import os
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.sums import add

FAILURES = (UserError,)

class Own(ValueError):
    pass

def two():
    try:
        return add(1, 2)
    {caught}
""",
        "scripts/autograd_by_hand/sums.py": """\
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.deep.base import ZERO

def add(a, b):
    raise UserError(f"{a} and {b} cannot be added" + word())

def word():
    return "."
""",
        "scripts/three.py": "from autograd_by_hand.sums import add\n\ndef three():\n    add(1, 2)\n",
    }
    name = "scripts/autograd_by_hand/sums.py"
    for edit in ("cannot be added", '"."'):
        text = tree[name].replace(edit, edit.replace("added", "summed").replace(".", "!"))
        assert text != tree[name]
        users = {"scripts/two.py"} if counts else set()
        assert affected(tmp_path / edit[:3], name, text, **tree) == users


@pytest.mark.parametrize(
    "form",
    [
        "import autograd_by_hand.sums",
        "from autograd_by_hand.sums import *",
        "from .autograd_by_hand.sums import add",
        "import three",
    ],
)
def test_an_import_that_cannot_be_followed_is_refused(tmp_path: Path, form: str) -> None:
    code = plant(tmp_path, **{"scripts/one.py": f"{form}\n"})
    with pytest.raises(SyntaxError, match=r"one\.py:1: `.*`: write `from module import name`"):
        code.hash_of("scripts/one.py")


def test_the_folder_the_code_lies_in_does_not_matter(tmp_path):
    here, there = plant(tmp_path / "here"), plant(tmp_path / "there")
    assert here.hash_of("scripts/one.py") == there.hash_of("scripts/one.py")


def test_two_scripts_that_say_the_same_have_hashes_of_their_own(tmp_path):
    code = plant(tmp_path, **{"scripts/two.py": TREE["scripts/one.py"]})
    assert code.hash_of("scripts/one.py") != code.hash_of("scripts/two.py")


@cache
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
    own = {"autograd_by_hand", *(path.stem for path in (ROOT / "scripts").glob("*.py"))}
    ours = {name for name in found if name.split(".")[0] in own}
    return {f"scripts/{name.replace('.', '/')}.py" for name in ours}


@pytest.mark.parametrize("path", OURS)
def test_the_modules_found_are_those_that_the_syntax_trees_import(path):
    found, waiting = set(), [path]
    while waiting:
        if (file := waiting.pop()) not in found:
            found.add(file)
            waiting += imported(file)
    assert CODE.modules_of(path) == sorted(found)
