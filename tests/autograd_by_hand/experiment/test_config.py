from pathlib import Path

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.config import load_config, load_configs
from autograd_by_hand.storage.safetensors_torch import write_tensors

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "experiments/schema.yaml"
LAB = ROOT / "experiments/25-autograd-by-hand"
CONFIG = """\
title: A linear layer
question: Is it right?
tensors:
  x: {shape: [2, 3], draw: randn, requires_grad: true}
  t: {shape: [2], draw: randn}
samples:
  trial:
    seed: 7
    runs: 3
    tensors: {t: {scale: 2.0}}
dtypes: [float64, float32]
time_limit: 20
acceptance:
  - claim: It agrees
    errors:
      dtype: float32
      comparison: manual_vs_autograd
      measure: max_abs
      every: {below: 1.0e-5}
  - claim: It is right
    verdict: right
"""
X, T = "{shape: [2, 3], draw: randn, requires_grad: true}", "{shape: [2], draw: randn}"
DTYPES = "float64, float32, bfloat16, float16"
TENSOR_KEYS = (
    "draw, fan_in, file, from, high, key, low, probability, requires_grad, scale, shape, value"
)
DATA = {
    "t": torch.ones(2, dtype=torch.float64),
    "mask": torch.ones(2, dtype=torch.bool),
    "z": torch.ones(2, dtype=torch.int16),
    "nothing": torch.ones(0),
}
SOURCES = "draw, value, file or from"


def refused(tmp_path: Path, text: str | bytes) -> str:
    """What is said of a config that holds `text`, from behind the file's name on.

    The experiment has a file of data, and its folder is written as HERE.
    """
    path = tmp_path / "config.yaml"
    write_tensors(tmp_path / "data.safetensors", DATA)
    (tmp_path / "text.safetensors").write_text("abc")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as error:
        load_config(path, SCHEMA)
    sentences = str(error.value).splitlines()
    assert all(sentence.startswith(str(path)) for sentence in sentences)
    told = "\n".join(sentence.removeprefix(f"{path}:") for sentence in sentences)
    return told.replace(str(tmp_path), "HERE")


def edited(old: str, new: str) -> str:
    assert CONFIG.count(old) == 1, old
    return CONFIG.replace(old, new)


def test_a_good_config_is_given_back_as_it_was_written(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    config = load_config(path, SCHEMA)
    assert list(config) == [
        "title",
        "question",
        "tensors",
        "samples",
        "dtypes",
        "time_limit",
        "acceptance",
    ]
    assert config["tensors"]["x"] == {"shape": [2, 3], "draw": "randn", "requires_grad": True}
    assert list(config["tensors"]) == ["x", "t"]
    assert config["acceptance"][0]["errors"]["every"] == {"below": 1e-5}


def test_the_labs_own_config_passes():
    configs, mistakes = load_configs([LAB], SCHEMA)
    assert list(configs[LAB.name]["tensors"]) == ["x", "W", "b", "target"]
    assert not mistakes


CASES = {
    "two mistyped keys on lines of their own": (
        ("    seed: 7\n    runs: 3", "    sed: 7\n    rnus: 3\n    runs: 3\n    seed: 7"),
        (
            "8: samples.trial: 'sed' is not a known key; did you mean 'seed'?\n"
            "9: samples.trial: 'rnus' is not a known key; did you mean 'runs'?"
        ),
    ),
    "a language that there is no catalogue of": (
        ("time_limit: 20", "languages: [en, fr]"),
        "12: languages[1]: 'fr' is none of en, es.",
    ),
    "a language twice": (
        ("time_limit: 20", "languages: [es, es]"),
        "12: languages: an entry occurs twice; keep one.",
    ),
    "no language": (
        ("time_limit: 20", "languages: []"),
        "12: languages: must not be empty.",
    ),
    "a translation into a language that the report has not": (
        ("time_limit: 20", "translations: {es: {It agrees: Coincide}}"),
        "12: translations.es: must be one of `languages`, but not the first, which is the original's.",
    ),
    "a translation of words that are not there": (
        ("time_limit: 20", "languages: [en, es]\ntranslations: {es: {It agree: Coincide}}"),
        "13: translations.es.It agree: 'It agree' is not a title, question, claim or mistake here; did you mean 'It agrees'?",
    ),
    "a mistyped key": (
        ("requires_grad", "require_grad"),
        "4: tensors.x: 'require_grad' is not a known key; did you mean 'requires_grad'?",
    ),
    "a key like no other": (
        (f"t: {T}", "t: {shape: [2], draw: randn, zzz: 1}"),
        f"5: tensors.t: 'zzz' is not a known key; known are {TENSOR_KEYS}.",
    ),
    "a mistyped key of the whole": (
        ("time_limit: 20", "timelimit: 20"),
        "12: the file: 'timelimit' is not a known key; did you mean 'time_limit'?",
    ),
    "a missing key": (
        ("    runs: 3\n", ""),
        "7: samples.trial: runs is missing.",
    ),
    "a tensor from nowhere": (
        (f"t: {T}", "t: {}"),
        f"5: tensors.t: needs {SOURCES}, which say where it comes from.",
    ),
    "no trial": (
        ("  trial:", "  other:"),
        "6: samples: trial is missing.",
    ),
    "an unknown dtype": (
        ("[float64, float32]", "[float64, float23]"),
        f"11: dtypes[1]: 'float23' is none of {DTYPES}; did you mean 'float32'?",
    ),
    "a dtype like no other": (
        ("[float64, float32]", "[float64, int8, float32]"),
        f"11: dtypes[1]: 'int8' is none of {DTYPES}.",
    ),
    "an unknown draw": (
        (f"t: {T}", "t: {shape: [2], draw: rand}"),
        "5: tensors.t.draw: 'rand' is none of randn, uniform, linear_default, complex_randn, randint, bernoulli; did you mean 'randn'?",
    ),
    "a negative shape": (
        ("shape: [2, 3]", "shape: [2, -3]"),
        "4: tensors.x.shape[1]: -3 is out of range; it must be at least 1.",
    ),
    "a shape that is no list": (
        ("shape: [2, 3]", "shape: 6"),
        "4: tensors.x.shape: 6 is not a list.",
    ),
    "a fractional size": (
        ("shape: [2, 3]", "shape: [2, 3.5]"),
        "4: tensors.x.shape[1]: 3.5 is not a whole number.",
    ),
    "a size with a point": (
        ("shape: [2, 3]", "shape: [2, 3.0]"),
        "4: tensors.x.shape[1]: 3.0 is not a whole number, written so; write 3.",
    ),
    "true for a number": (
        ("seed: 7", "seed: true"),
        "8: samples.trial.seed: True is not a whole number.",
    ),
    "an exponent without a point": (
        ("1.0e-5", "1e-5"),
        "19: acceptance[0].errors.every.below: '1e-5' is not a number but text, as YAML reads it; write 1.0e-5 without quotes.",
    ),
    "an exponent without a sign": (
        ("1.0e-5", "2e3"),
        "19: acceptance[0].errors.every.below: '2e3' is not a number but text, as YAML reads it; write 2.0e+3 without quotes.",
    ),
    "an exponent with a sign but without a point": (
        ("1.0e-5", "'1E+5'"),
        "19: acceptance[0].errors.every.below: '1E+5' is not a number but text, as YAML reads it; write 1.0e+5 without quotes.",
    ),
    "a number in quotes": (
        ("1.0e-5", "'0.5'"),
        "19: acceptance[0].errors.every.below: '0.5' is not a number but text, as YAML reads it; write 0.5 without quotes.",
    ),
    "words for a number": (
        ("1.0e-5", "small"),
        "19: acceptance[0].errors.every.below: 'small' is not a number.",
    ),
    "nan, which without quotes is text as well": (
        ("1.0e-5", "nan"),
        "19: acceptance[0].errors.every.below: 'nan' is not a number.",
    ),
    "a number in quotes for a list": (
        ("shape: [2, 3]", "shape: '6'"),
        "4: tensors.x.shape: '6' is not a list.",
    ),
    "text for true or false": (
        ("requires_grad: true", "requires_grad: 'yes'"),
        "4: tensors.x.requires_grad: 'yes' is not true or false.",
    ),
    "a list for a mapping": (
        (f"x: {X}", "x: [2, 3]"),
        "4: tensors.x: [2, 3] is not a mapping.",
    ),
    "a number for text": (
        ("title: A linear layer", "title: 25"),
        "1: title: 25 is not text, as YAML reads it; put it in quotes.",
    ),
    "an empty title": (
        ("title: A linear layer", "title: ''"),
        "1: title: must not be empty.",
    ),
    "a seed out of range": (
        ("seed: 7", "seed: 18446744073709551616"),
        "8: samples.trial.seed: 18446744073709551616 is out of range; it must be at most 18446744073709551615.",
    ),
    "a negative seed": (
        ("seed: 7", "seed: -1"),
        "8: samples.trial.seed: -1 is out of range; it must be at least 0.",
    ),
    "no runs": (
        ("runs: 3", "runs: 0"),
        "9: samples.trial.runs: 0 is out of range; it must be at least 1.",
    ),
    "no time": (
        ("time_limit: 20", "time_limit: 0"),
        "12: time_limit: 0 is out of range; it must be at least 1.",
    ),
    "a duplicate key": (
        ("    runs: 3\n", "    runs: 3\n    seed: 8\n"),
        "10: the key 'seed' occurs twice; keep one.",
    ),
    "a key that YAML does not read as text": (
        (f"t: {T}", f"5: {T}"),
        "5: the key 5 is not text; put it in quotes.",
    ),
    "a name that YAML reads as false": (
        (f"t: {T}", f"no: {T}"),
        "5: the key False is not text; put it in quotes.",
    ),
    "broken YAML": (
        ("question: Is it right?", "question: Is it right: ?"),
        "2: the text of 'question' has a colon; write question: \"Is it right: ?\" with quotes.",
    ),
    "no requires_grad": (
        ("requires_grad: true", "requires_grad: false"),
        "3: tensors: none has requires_grad: true; there is no gradient to try.",
    ),
    "a name reserved for a cotangent": (
        (f"x: {X}", f"x: {X}\n  dout_y: {T}"),
        "5: tensors.dout_y: 'dout_y' is reserved; choose another name.",
    ),
    "the reserved name dout": (
        (f"x: {X}", f"x: {X}\n  dout: {T}"),
        "5: tensors.dout: 'dout' is reserved; choose another name.",
    ),
    "a Python keyword": (
        (f"x: {X}", f"x: {X}\n  lambda: {T}"),
        "5: tensors.lambda: 'lambda' is reserved; choose another name.",
    ),
    "a name that is no name": (
        (f"x: {X}", f"x: {X}\n  2x: {T}"),
        "5: tensors: the name '2x' must match ^[A-Za-z][A-Za-z0-9_]*$ (letters, digits, underscores).",
    ),
    "a stranger in a sample": (
        ("tensors: {t: {scale: 2.0}}", "tensors: {target: {scale: 2.0}}"),
        "10: samples.trial.tensors.target: there is no tensor 'target' in `tensors`.",
    ),
    "a shape in a sample": (
        ("tensors: {t: {scale: 2.0}}", "tensors: {t: {shape: [3]}}"),
        "10: samples.trial.tensors.t: 'shape' is not a known key; did you mean 'scale'?",
    ),
    "linear_default without fan_in": (
        (f"t: {T}\n", "t: {shape: [2], draw: linear_default}\n"),
        "5: tensors.t: draw: linear_default needs fan_in, the number of inputs of the layer.",
    ),
    "linear_default without fan_in in a sample only": (
        ("tensors: {t: {scale: 2.0}}", "tensors: {t: {draw: linear_default}}"),
        "10: samples.trial.tensors.t: draw: linear_default needs fan_in, the number of inputs of the layer.",
    ),
    "randint without high": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint}}"),
        "5: tensors.n: draw: randint needs high, the first whole number that is not drawn.",
    ),
    "randint with requires_grad": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, high: 4, requires_grad: true}}"),
        "5: tensors.n: draw: randint gives whole numbers, which have no gradient.",
    ),
    "randint with scale": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, high: 4, scale: 2}}"),
        "5: tensors.n: draw: randint gives whole numbers, which are not scaled; leave scale out.",
    ),
    "randint between fractions": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, high: 4.5}}"),
        "5: tensors.n: draw: randint needs whole numbers for low and high.",
    ),
    "randint beyond 64 bits": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, high: 9223372036854775808}}"),
        "5: tensors.n: draw: randint needs low and high that fit in 64 bits.",
    ),
    "randint from below 64 bits": (
        (
            f"x: {X}",
            f"x: {X}\n  n: {{shape: [2], draw: randint, low: -9223372036854775809, high: 0}}",
        ),
        "5: tensors.n: draw: randint needs low and high that fit in 64 bits.",
    ),
    "uniform from minus infinity": (
        (f"x: {X}", f"x: {X}\n  u: {{shape: [2], draw: uniform, low: -.inf}}"),
        "5: tensors.u: low must be a finite number, not -inf.",
    ),
    "randint up to infinity": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, high: .inf}}"),
        "5: tensors.n: high must be a finite number, not inf.",
    ),
    "low above high": (
        (f"x: {X}", f"x: {X}\n  u: {{shape: [2], draw: uniform, low: 3, high: 2}}"),
        "5: tensors.u: low (3) must be less than high (2).",
    ),
    "low at high": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, low: 2, high: 2}}"),
        "5: tensors.n: low (2) must be less than high (2).",
    ),
    "low's default at high": (
        (f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint, high: 0}}"),
        "5: tensors.n: low (0) must be less than high (0).",
    ),
    "low at high's default": (
        (f"x: {X}", f"x: {X}\n  u: {{shape: [2], draw: uniform, low: 1}}"),
        "5: tensors.u: low (1) must be less than high (1).",
    ),
    "a scale that is no number": (
        ("scale: 2.0", "scale: .nan"),
        "10: samples.trial.tensors.t: scale must be a finite number, not nan.",
    ),
    "no tensors": (
        (f"tensors:\n  x: {X}\n  t: {T}\n", "tensors: {}\n"),
        "3: tensors: must not be empty.",
    ),
    "no dtypes": (
        ("[float64, float32]", "[]"),
        "11: dtypes: must not be empty.",
    ),
    "a dtype twice": (
        ("[float64, float32]", "[float64, float32, float64]"),
        "11: dtypes: an entry occurs twice; keep one.",
    ),
    "a criterion about a dtype that is not tried": (
        ("dtype: float32\n", "dtype: float16\n"),
        "15: acceptance[0].errors: float16 is not among the experiment's dtypes; add it there.",
    ),
    "an attribution in a dtype that is not tried": (
        ("verdict: right", "attribution: bfloat16"),
        "21: acceptance[1].attribution: bfloat16 is not among the experiment's dtypes; add it there.",
    ),
    "a criterion about a sample that is not drawn": (
        ("measure: max_abs", "measure: max_abs\n      sample: other"),
        "15: acceptance[0].errors: there is no sample 'other' in `samples`.",
    ),
    "both every and some": (
        ("every: {below: 1.0e-5}", "every: {below: 1.0e-5}\n      some: {above: 1.0}"),
        "15: acceptance[0].errors: needs exactly one of every, some.",
    ),
    "neither every nor some": (
        ("every: {below: 1.0e-5}", "sample: trial"),
        "15: acceptance[0].errors: needs exactly one of every, some.",
    ),
    "a bound on both sides": (
        ("{below: 1.0e-5}", "{below: 1.0e-5, above: 0}"),
        "19: acceptance[0].errors.every: has 2 keys of above, below; it needs exactly 1 of them.",
    ),
    "a bound on no side": (
        ("{below: 1.0e-5}", "{}"),
        "19: acceptance[0].errors.every: has 0 keys of above, below; it needs exactly 1 of them.",
    ),
    "pitfalls named where none are listed": (
        ("verdict: right", "pitfalls: named"),
        "21: acceptance[1].pitfalls: the config lists no pitfalls; write some under `pitfalls`.",
    ),
    "an empty list of pitfalls": (
        ("time_limit: 20", "pitfalls: []"),
        "12: pitfalls: must not be empty.",
    ),
    "a pitfall without what it is replaced by": (
        ("time_limit: 20", "pitfalls: [{mistake: a sign, replace: dy}]"),
        "12: pitfalls[0]: by is missing.",
    ),
    "a claim of nothing": (
        ("    verdict: right\n", ""),
        "20: acceptance[1]: has 1 keys of attribution, claim, errors, graph, pitfalls, second_call, verdict; it needs exactly 2 of them.",
    ),
    "an argument that YAML reads as text": (
        ("time_limit: 20", "arguments: {eps: 1e-5}"),
        "12: arguments.eps: '1e-5' is no number but text, as YAML reads it; write 1.0e-5 without quotes.",
    ),
    "one in a list in an argument": (
        ("time_limit: 20", "arguments:\n  scales: [1.0, 2e3]"),
        "13: arguments.scales[1]: '2e3' is no number but text, as YAML reads it; write 2.0e+3 without quotes.",
    ),
    "an argument that YAML reads as a date": (
        ("time_limit: 20", "arguments: {since: 2026-11-29}"),
        "12: arguments.since: 2026-11-29 is a date, as YAML reads it; put it in quotes.",
    ),
    "an argument of a kind that is not handed over": (
        ("time_limit: 20", "arguments: {axes: !!set {0}}"),
        "12: arguments.axes: is a set; write a number, text, true, false or a list.",
    ),
    "an argument of a tensor's name": (
        ("time_limit: 20", "arguments: {x: 1}"),
        "12: arguments.x: is a tensor as well; choose another name.",
    ),
    "an argument of the cotangent's name": (
        ("time_limit: 20", "arguments: {dout: 1}"),
        "12: arguments.dout: 'dout' is reserved; choose another name.",
    ),
    "no argument": (
        ("time_limit: 20", "arguments: {}"),
        "12: arguments: must not be empty.",
    ),
    "two sources": (
        (f"t: {T}", "t: {shape: [2], draw: randn, value: 1.0}"),
        "5: tensors.t: has draw and value, but it can come from one of them only; keep one.",
    ),
    "a draw without a shape": (
        (f"t: {T}", "t: {draw: randn}"),
        "5: tensors.t: shape is missing.",
    ),
    "a key without a file": (
        (f"t: {T}", "t: {shape: [2], draw: randn, key: t}"),
        "5: tensors.t: key is the tensor's name in a file; write file as well, or leave it out.",
    ),
    "a gradient of true or false": (
        (f"t: {T}", "t: {shape: [2], draw: bernoulli, requires_grad: true}"),
        "5: tensors.t: draw: bernoulli gives true or false, which have no gradient.",
    ),
    "a probability above 1": (
        (f"t: {T}", "t: {shape: [2], draw: bernoulli, probability: 1.5}"),
        "5: tensors.t.probability: 1.5 is out of range; it must be at most 1.",
    ),
    "a source like no other": (
        (f"t: {T}", "t: {from: input.py}"),
        "5: tensors.t.from: 'input.py' is none of inputs.py; did you mean 'inputs.py'?",
    ),
    "an inputs.py that is not there": (
        (f"t: {T}", "t: {from: inputs.py}"),
        "5: tensors.t: from: there is no HERE/inputs.py; write it with a function inputs(generator).",
    ),
    "an axis that is not there": (
        ("time_limit: 20", "axes: {batch: 2}\nsizes: [{bach: 1}]"),
        "13: sizes[0].bach: there is no axis 'bach' in `axes`; there are batch.",
    ),
    "a shape that names no axis": (
        (f"t: {T}", "t: {shape: [bach], draw: randn}"),
        "5: tensors.t.shape[0]: 'bach' is not a whole number, and `axes` has no such name.",
    ),
    "a value that YAML reads as text": (
        (f"t: {T}", "t: {value: [1.0, 1e-3]}"),
        "5: tensors.t: value: '1e-3' is no number but text, as YAML reads it; write 1.0e-3 without quotes.",
    ),
    "a value that is no number": (
        (f"t: {T}", "t: {value: null}"),
        "5: tensors.t: value: None is no number.",
    ),
    "an empty value": (
        (f"t: {T}", "t: {value: [[]]}"),
        "5: tensors.t: value: a list must not be empty.",
    ),
    "a ragged value": (
        (f"t: {T}", "t: {value: [[1.0, 2.0], [3.0]]}"),
        "5: tensors.t: value: lists side by side must be of one length; pad the shorter ones.",
    ),
    "a value of numbers and lists": (
        (f"t: {T}", "t: {value: [1.0, [3.0]]}"),
        "5: tensors.t: value: numbers and lists cannot stand side by side.",
    ),
    "a value of numbers and truths": (
        (f"t: {T}", "t: {value: [1.0, true]}"),
        "5: tensors.t: value: numbers and true or false cannot stand side by side.",
    ),
    "a value beyond 64 bits": (
        (f"t: {T}", "t: {value: 9223372036854775808}"),
        "5: tensors.t: value: whole numbers must fit in 64 bits; write a point for larger ones.",
    ),
    "a gradient of whole numbers in a value": (
        (f"t: {T}", "t: {value: [1, 2], requires_grad: true}"),
        "5: tensors.t: value: whole numbers have no gradient; write numbers with a point, such as 1.0.",
    ),
    "a gradient of a truth in a value": (
        (f"t: {T}", "t: {value: true, requires_grad: true}"),
        "5: tensors.t: value: true and false have no gradient; write numbers with a point, such as 1.0.",
    ),
    "a value of another shape": (
        (f"t: {T}", "t: {shape: [3], value: [1.0, 2.0]}"),
        "5: tensors.t: value has shape [2], which cannot be broadcast to [3].",
    ),
    "a file outside": (
        (f"t: {T}", "t: {file: ../data.safetensors}"),
        "5: tensors.t: file: ../data.safetensors is outside the experiment; copy the file into HERE.",
    ),
    "a file that is not there": (
        (f"t: {T}", "t: {file: date.safetensors}"),
        "5: tensors.t: file: there is no HERE/date.safetensors.",
    ),
    "a file of another kind": (
        (f"t: {T}", "t: {file: text.safetensors}"),
        "5: tensors.t: file: HERE/text.safetensors: is not a safetensors file.",
    ),
    "a key that the file has not": (
        (f"t: {T}", "t: {file: data.safetensors, key: masks}"),
        "5: tensors.t: file: HERE/data.safetensors has no tensor 'masks'; its keys include mask.",
    ),
    "a dtype that no input has": (
        (f"t: {T}", "t: {file: data.safetensors, key: z}"),
        "5: tensors.t: file: 'z' is I16 in HERE/data.safetensors; convert it to one of F64, F32, F16, BF16, C64, I64, I32, I8, U8, BOOL.",
    ),
    "a file's tensor of another shape": (
        (f"t: {T}", "t: {file: data.safetensors, shape: [3]}"),
        "5: tensors.t: file: 't' has shape [2] in HERE/data.safetensors, and not [3].",
    ),
    "a gradient of a file's mask": (
        (f"t: {T}", "t: {file: data.safetensors, key: mask, requires_grad: true}"),
        "5: tensors.t: file: 'mask' is BOOL in HERE/data.safetensors, which has no gradient; remove requires_grad.",
    ),
    "a gradient of nothing": (
        (f"t: {T}", "t: {file: data.safetensors, key: nothing, requires_grad: true}"),
        "5: tensors.t: file: 'nothing' is empty in HERE/data.safetensors, which has no gradient; remove requires_grad.",
    ),
}


def test_a_config_may_list_pitfalls_and_ask_that_they_are_named(tmp_path):
    path = tmp_path / "config.yaml"
    pitfall = '{mistake: No dy, replace: dy, by: ""}'
    asked = edited("verdict: right", "pitfalls: named")
    path.write_text(asked.replace("time_limit: 20", f"pitfalls: [{pitfall}]"))
    config = load_config(path, SCHEMA)
    assert config["pitfalls"] == [{"mistake": "No dy", "replace": "dy", "by": ""}]
    assert config["acceptance"][1]["pitfalls"] == "named"


@pytest.mark.parametrize(("edit", "sentence"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_with_its_line_its_key_and_its_remedy(tmp_path, edit, sentence):
    assert refused(tmp_path, edited(*edit)) == sentence


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("x, t, eps", ""),
        (
            "x, t, eps2",
            "12: arguments.eps: no function has a parameter 'eps'; did you mean 'eps2'?",
        ),
        (
            "x",
            "12: arguments.eps: no function has a parameter 'eps'; name it there, or leave it out.",
        ),
    ],
)
def test_an_argument_that_no_function_takes_is_told(tmp_path, parameters, sentence):
    (tmp_path / "forward.py").write_text(f"def forward({parameters}):\n    pass\n")
    (tmp_path / "backward.py").write_text("def backward(x, t, dout):\n    pass\n")
    text = edited("time_limit: 20", "arguments: {eps: 1.0e-5}")
    if sentence:
        assert refused(tmp_path, text) == sentence
    else:
        (tmp_path / "config.yaml").write_text(text)
        assert load_config(tmp_path / "config.yaml", SCHEMA)["arguments"] == {"eps": 1e-5}


def test_complex_numbers_in_a_half_format_are_refused(tmp_path):
    text = edited("[float64, float32]", "[float32, float16]")
    assert refused(tmp_path, text.replace(T, "{shape: [2], draw: complex_randn}")) == (
        "11: dtypes: 't' is complex, and torch has no complex numbers of bfloat16 or float16; "
        "leave them out."
    )


def test_a_file_that_is_not_utf_8_is_told_by_its_first_wrong_byte(tmp_path):
    text = b"title: caf\xe9\n"
    assert refused(tmp_path, text) == " is not UTF-8 text (byte 10); save it as UTF-8."


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "words\n"])
def test_a_file_that_is_no_mapping_is_told_as_a_whole(tmp_path, text):
    sentence = refused(tmp_path, text)
    assert sentence == " is not a mapping of keys to values; copy another experiment's."


def test_a_control_character_is_refused_in_one_line(tmp_path):
    sentence = refused(tmp_path, "title: \x00\n")
    assert sentence.startswith(" cannot be read as YAML: unacceptable character #x0000")
    assert "\n" not in sentence


def test_every_mistake_is_told_not_only_the_first(tmp_path):
    text = edited("seed: 7", "seed: -1").replace("draw: randn}", "draw: rand}")
    assert [line.split(":")[0] for line in refused(tmp_path, text).splitlines()] == ["8", "5"]


def test_a_mistake_in_a_setting_that_all_samples_share_is_told_once(tmp_path):
    text = edited(f"x: {X}", f"x: {X}\n  n: {{shape: [2], draw: randint}}")
    text = text.replace("dtypes:", "  other: {seed: 1, runs: 1}\ndtypes:")
    assert len(refused(tmp_path, text).splitlines()) == 1


@pytest.mark.parametrize("seed", [0, 18446744073709551615])
def test_the_smallest_and_the_greatest_seed_pass(tmp_path, seed):
    path = tmp_path / "config.yaml"
    path.write_text(edited("seed: 7", f"seed: {seed}"))
    assert load_config(path, SCHEMA)["samples"]["trial"]["seed"] == seed


def test_randint_over_all_of_64_bits_passes(tmp_path):
    low, high = -9223372036854775808, 9223372036854775807
    path = tmp_path / "config.yaml"
    path.write_text(
        edited(f"t: {T}", f"t: {T}\n  n: {{shape: [2], draw: randint, low: {low}, high: {high}}}")
    )
    assert load_config(path, SCHEMA)["tensors"]["n"]["low"] == low


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    texts = {"config.yaml": CONFIG, "forward.py": "", "backward.py": "", "derivation.md": ""}
    for name, text in (texts | files).items():
        (path / name).write_text(text)
    return path


def test_configs_are_given_by_the_names_of_their_folders(tmp_path):
    configs, mistakes = load_configs([folder(tmp_path / "a"), folder(tmp_path / "b")], SCHEMA)
    assert mistakes == {}
    assert list(configs) == ["a", "b"]
    assert configs["a"]["title"] == "A linear layer"


@pytest.mark.parametrize("name", ["forward.py", "backward.py", "derivation.md"])
def test_a_missing_file_of_the_author_is_told(tmp_path, name):
    (folder(tmp_path / "a") / name).unlink()
    configs, mistakes = load_configs([tmp_path / "a"], SCHEMA)
    assert not configs
    assert mistakes == {"a": f"{tmp_path}/a/{name}: is missing; every experiment has one."}


@pytest.mark.parametrize("name", ["forward.py", "backward.py", "inputs.py"])
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1\ndef f(:\n", ":2: does not parse as Python: invalid syntax."),
        ("x = (\n", ":1: does not parse as Python: '(' was never closed."),
        ("\0", ": does not parse as Python: source code string cannot contain null bytes."),
    ],
)
def test_a_mistake_of_syntax_is_found_before_anything_runs(tmp_path, name, source, sentence):
    _, mistakes = load_configs([folder(tmp_path / "a", **{name: source})], SCHEMA)
    assert mistakes == {"a": f"{tmp_path}/a/{name}{sentence}"}


def test_a_broken_experiment_costs_no_other(tmp_path):
    folders = [
        folder(tmp_path / "a", **{"config.yaml": edited("runs: 3", "runs: 0")}),
        folder(tmp_path / "b"),
        folder(tmp_path / "c"),
        folder(tmp_path / "my own"),
    ]
    (folders[2] / "forward.py").unlink()
    (folders[2] / "config.yaml").unlink()
    configs, mistakes = load_configs(folders, SCHEMA)
    assert list(configs) == ["b"]
    assert list(mistakes) == ["a", "c", "my own"]
    assert mistakes["a"].startswith(
        f"{tmp_path}/a/config.yaml:9: samples.trial.runs: 0 is out of range"
    )
    first, second = mistakes["c"].splitlines()
    assert first == f"{tmp_path}/c/config.yaml: is missing; copy another experiment's."
    assert second.startswith(f"{tmp_path}/c/forward.py: is missing")
    assert "this folder's name is not valid" in mistakes["my own"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("surrogate: soft.py", "surrogate: there is no file soft.py beside forward.py; write it, with a function surrogate of forward's parameters."),
        ("surrogate: forward.py", "surrogate: forward.py is another file of the experiment; name one of its own."),
        ("surrogate: ../soft.py", "surrogate: the name '../soft.py' must match ^[A-Za-z_][A-Za-z0-9_]*[.]py$ (letters, digits, underscores)."),
        ("surrogate: true", "surrogate: True is not text, as YAML reads it; put it in quotes."),
        ("computes_in: float64", "computes_in: float64 changes nothing, since no dtype is finer; leave computes_in out."),
        ("computes_in: float8", "computes_in: 'float8' is none of float64, float32, bfloat16, float16; did you mean 'float64'?"),
        ("autograd: true", "autograd: True is none of allowed."),
        ("autograd: allow", "autograd: 'allow' is none of allowed; did you mean 'allowed'?"),
    ],
)  # fmt: skip
def test_an_intent_that_is_mistyped_is_told_with_key_and_line(tmp_path, line, sentence):
    number = CONFIG.count("\n") + 1
    assert refused(tmp_path, CONFIG + line + "\n") == f"{number}: {sentence}"


def test_a_surrogate_that_is_there_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + "surrogate: soft.py\nautograd: allowed\n")
    (tmp_path / "soft.py").write_text("def surrogate(x, t):\n    return x\n")
    config = load_config(tmp_path / "config.yaml", SCHEMA)
    assert (config.get("surrogate"), config.get("autograd")) == ("soft.py", "allowed")
