"""Record what the numbers depend on besides the inputs: versions, processor features, threads.

in   packages     the names of the packages whose versions are recorded
out  environment  json: `python`, `machine`, `processor`, `settings` (environment variables that
                  choose kernels), `packages`, `torch` (CPU capability, threads, libraries, and the
                  GPU that forward.py and backward.py may use, if there is one), `numpy`

It contains no time, host, user or path, so two runs on one machine write the same bytes.
"""

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from autograd_by_hand.core.files import write_json
from autograd_by_hand.pipeline.cpu import processor, settings
from autograd_by_hand.pipeline.run_stage import run_stage


def record_environment(packages: list[str], environment: Path) -> None:
    built_with = ("oneAPI Math Kernel Library", "MKL-DNN", "OpenMP")
    libraries = [
        line.strip(" -").removeprefix("Intel(R) ").split(" (Git")[0].split(" for ")[0]
        for line in torch.__config__.show().splitlines()
        if any(name in line for name in built_with) and "Build settings" not in line
    ]
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    write_json(
        environment,
        {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "processor": processor(),
            "settings": settings(),
            "packages": {name: version(name) for name in packages},
            "torch": {
                "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                "threads": torch.get_num_threads(),
                "libraries": libraries,
                "gpu": f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
                if torch.cuda.is_available()
                else None,
            },
            "numpy": {"blas": blas["name"], "version": blas["version"]},
        },
    )


if __name__ == "__main__":
    run_stage(record_environment, snakemake)  # type: ignore[name-defined]
