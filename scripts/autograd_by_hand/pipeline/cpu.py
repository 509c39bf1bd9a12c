"""What the last bits depend on besides inputs and packages: the processor, and how it is used."""

import hashlib
import os
import platform
from pathlib import Path

# Variables by which a user chooses kernels; numbers of threads are Snakemake's business.
PREFIXES = (
    "ATEN_", "CUBLAS_", "CUDNN_", "DNNL_", "MKL_", "NPY_", "NVIDIA_TF32_", "ONEDNN_", "OPENBLAS_",
)  # fmt: skip
CPUINFO = Path("/proc/cpuinfo")
THREADS = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def settings() -> dict[str, str]:
    """The environment's variables that choose kernels, sorted by name."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(PREFIXES) and name not in THREADS
    }


def processor() -> str:
    """The processor's model and a hash of its features, as far as the system tells."""
    if not CPUINFO.is_file():
        return platform.processor() or platform.machine()
    told: dict[str, str] = {}
    for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    model = told.get("model name") or told.get("CPU part") or platform.machine()
    features = told.get("flags") or told.get("Features") or ""
    digest = hashlib.sha256(" ".join(sorted(features.split())).encode()).hexdigest()[:12]
    return f"{model}, features {digest}"
