"""The processor and the choice of its kernels, on which the last bits of a result depend."""

import hashlib
import os
import platform
from pathlib import Path

# Environment variables with which a user chooses kernels; Snakemake sets the numbers of threads.
PREFIXES = (
    "ATEN_", "CUBLAS_", "CUDNN_", "DNNL_", "MKL_", "NPY_", "NVIDIA_TF32_", "ONEDNN_", "OPENBLAS_",
)  # fmt: skip
CPUINFO = Path("/proc/cpuinfo")
THREADS = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def settings() -> dict[str, str]:
    """The environment variables that choose kernels, sorted by name."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(PREFIXES) and name not in THREADS
    }


def processor() -> str:
    """The processor's model and a hash of its features, as far as the system reports them."""
    if not CPUINFO.is_file():
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    model = fields.get("model name") or fields.get("CPU part") or platform.machine()
    features = fields.get("flags") or fields.get("Features") or ""
    digest = hashlib.sha256(" ".join(sorted(features.split())).encode()).hexdigest()[:12]
    return f"{model}, features {digest}"
