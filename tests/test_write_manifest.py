from hashlib import sha256
from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import read_json, write_json
from write_manifest import write_manifest

REPLAYED = {"dtype": "float32", "tensor": "dx", "data": "experiment", "elements": 8, "identical": 8}
SHARE = {"gradient": "dx", "factor": "forward_order", "share": 0.25}
CRITERION = {"criterion": "It is right", "measured": "1 of 1 are right", "holds": True}
VERDICT = {"gradient": "dx", "dtype": "float32", "outcome": "right", "reason": "near"}
ORACLE: dict[str, object] = {
    "autograd": 2.5,
    "difference": 2.5,
    "uncertain": 1e-12,
    "reason": None,
    "proven": None,
    "stops": [],
}
OPINION = {"fast": False, "objection": "Jacobian mismatch", "refused": None}
SETTINGS: Any = {"samples": {"trial": {"seed": 7, "runs": 1}}, "dtypes": ["float32"]}


def run(folder):
    names = {
        "judgement": {
            "acceptance": [CRITERION],
            "verdicts": [VERDICT],
            "refused": ["backward.py:1: dW is missing."],
        },
        "oracle": ORACLE,
        "opinion": OPINION,
        "graph": {"nodes": []},
        "environment": {"python": "3"},
    }
    given = {name: folder / f"{name}.json" for name in names}
    for name, value in names.items():
        write_json(given[name], value)
    (folder / "float32").mkdir(exist_ok=True)
    per_format = {
        "arithmetic": {"arithmetic": "float64", "reason": None},
        "replays": {"tensors": [{**REPLAYED, "first": None}], "proved": True},
        "attributions": {"shares": [SHARE]},
        "orders": {"sums": [{"key": "0123", "op": "aten.mm.default"}]},
    }
    for name, value in per_format.items():
        write_json(folder / f"float32/{name}.json", value)
    for name in ("b.md", "a.md"):
        (folder / name).write_text(name)
    write_manifest(
        "mine",
        **given,
        arithmetic=[folder / "float32/arithmetic.json"],
        replays=[folder / "float32/replays.json"],
        attributions=[folder / "float32/attributions.json"],
        orders=[folder / "float32/orders.json"],
        written=[folder / "b.md", folder / "a.md"],
        cached=[folder / "b.md"],
        computed=[folder / "a.md"],
        outputs=[],
        snakefiles=[Path("Snakefile")],
        settings=SETTINGS,
        modules=["scripts/autograd_by_hand/core/files.py"],
        manifest=folder / "manifest.json",
    )
    return read_json(folder / "manifest.json")


def test_each_file_is_listed_with_its_size_and_hash_in_order_of_path(tmp_path):
    listed = run(tmp_path)["files"]["written"]
    assert listed == [
        {"path": str(tmp_path / name), "bytes": 4, "sha256": sha256(name.encode()).hexdigest()}
        for name in ("a.md", "b.md")
    ]


def test_the_settings_the_seeds_and_what_was_judged_are_in_it(tmp_path):
    manifest = run(tmp_path)
    assert (manifest["config"], manifest["seeds"]) == (SETTINGS, {"trial": 7})
    assert (manifest["acceptance"], manifest["verdicts"]) == ([CRITERION], [VERDICT])
    assert manifest["refused"] == ["backward.py:1: dW is missing."]
    assert (manifest["oracle"], manifest["gradcheck"]) == (ORACLE, OPINION)
    assert manifest["replay"] == [REPLAYED]
    assert manifest["proved"] == {"float32": True}
    assert manifest["attribution"] == [{"dtype": "float32", **SHARE}]
    assert manifest["orders"] == [{"dtype": "float32", "key": "0123", "op": "aten.mm.default"}]
    assert set(manifest["notation"]) == {"tree", "fused", "which"}
    assert manifest["reference"] == {"float32": {"arithmetic": "float64", "reason": None}}


def test_the_cached_and_the_computed_are_intermediate(tmp_path):
    listed = [one["path"] for one in run(tmp_path)["files"]["intermediate"]]
    assert listed == [f"{tmp_path}/a.md", f"{tmp_path}/b.md"]


def test_the_code_that_made_it_is_listed(tmp_path):
    assert [one["path"] for one in run(tmp_path)["files"]["code"]] == [
        "Snakefile",
        "scripts/autograd_by_hand/core/files.py",
    ]
