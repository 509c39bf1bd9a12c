"""A warm Python: it runs a stage in a fork of a process that has already imported torch.

Importing torch takes a second, longer than almost any stage. So a run starts one server, which
imports packages and modules once and never calls them. `stage_python.sh` then replaces the
interpreter, and each script is run in a fresh fork of the server. Stages share the imports and
nothing else: seeds, threads, default dtypes and crashes stay in the fork.

If there is no server (on another node of a cluster, or for a stage started by hand), or if the
environment differs in a variable that is read at import, the same command runs an ordinary Python.
"""

import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

# Numerical libraries read these variables when they are loaded, so a fork cannot change them.
READ_AT_IMPORT = (
    "ATEN_", "DNNL_", "GOTO_", "KMP_", "LD_", "MKL_", "NPY_", "NUMEXPR_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "PYTHON", "TORCH_", "VECLIB_",
)  # fmt: skip
THREAD_COUNTS = (
    "OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip


def start_warm_python() -> str:
    """Start the server for this run; return the command that Snakemake must use as interpreter.

    The server ends with the calling process, however that ends.
    """
    import subprocess
    import tempfile

    if not hasattr(os, "fork"):
        return sys.executable
    address = Path(tempfile.mkdtemp(prefix="warm-python-"), "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(64)  # from now on jobs can connect; they wait while torch is being imported
    os.environ["STAGE_PYTHON"] = sys.executable
    os.environ["WARM_PYTHON"] = str(address)
    # Snakemake sets these to a job's number of threads, which is 1 for every rule here.
    environment = os.environ | dict.fromkeys(THREAD_COUNTS, "1")
    command = [sys.executable, str(Path(__file__)), "--serve", str(listener.fileno())]
    subprocess.Popen(  # noqa: S603
        command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()]
    )
    listener.close()
    # Run with sh, since the files of an archive are not executable.
    return f"sh {Path(os.path.relpath(__file__)).parent / 'stage_python.sh'}"


def run(arguments: list[str]) -> int:
    """Run a script in the warm server, or else in an ordinary Python; return its status."""
    is_script = "".join(arguments[:1]).endswith(".py")
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(os.environ.get("WARM_PYTHON", "") if is_script else "")
        job = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
        message = json.dumps(job).encode()
        socket.send_fds(connection, [len(message).to_bytes(8, "little")], [0, 1, 2])
        connection.sendall(message)
        accepted = connection.recv(1) == b"+"
    except OSError:
        accepted = False
    if not accepted:
        _become_ordinary(arguments, is_script)
    status = connection.recv(1)
    return status[0] if status else 1


def _become_ordinary(arguments: list[str], is_script: bool) -> None:
    """Turn this process into an ordinary Python, with Ctrl-C blocked until a stage begins."""
    import signal

    if is_script:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    python = os.environ["STAGE_PYTHON"]
    os.execv(python, [python, *arguments])  # noqa: S606


def serve(listener: socket.socket) -> None:
    """Import what stages need, then run each requested script in a fork of this process."""
    import selectors
    import signal

    parent = os.getppid()
    die_with_parent()
    address = listener.getsockname()
    # Jobs and Snakemake handle Ctrl-C, not the server; a fork unblocks it when its stage begins.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ended, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    jobs: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    try:
        _import_what_stages_import()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while os.getppid() == parent:
            for key, _ in selector.select(timeout=1.0):
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    if pid := _start(connection):
                        jobs[pid] = connection
                        selector.register(connection, selectors.EVENT_READ, pid)
                    else:
                        connection.close()
                elif key.fileobj == ended:
                    os.read(ended, 4096)
                    for pid, status in _ended_children():
                        connection = jobs.pop(pid)
                        selector.unregister(connection)
                        _answer(connection, bytes([status]))
                        connection.close()
                elif key.data in jobs:  # the client has disconnected
                    os.kill(key.data, signal.SIGKILL)
    finally:
        for pid in jobs:
            os.kill(pid, signal.SIGKILL)
        Path(address).unlink(missing_ok=True)
        Path(address).parent.rmdir()


def _import_what_stages_import() -> None:
    import importlib

    for name in (
        "torch", "numpy", "pandas", "jinja2.sandbox", "ml_dtypes", "safetensors.torch",
        "markdown_it", "mdit_py_plugins.anchors", "mdit_py_plugins.dollarmath",
        "latex2mathml.converter", "babel.messages.pofile",
        "snakemake.iocontainers", "snakemake.logging",
    ):  # fmt: skip
        try:
            importlib.import_module(name)
        except ImportError:  # a stage that needs it will report that itself
            print(f"warm_python: no {name} in this environment", file=sys.stderr)
    library = Path(__file__).resolve().parent.parent
    for module in library.glob("*/[a-z]*.py"):
        with suppress(Exception):  # likewise
            importlib.import_module(f"{library.name}.{module.parent.name}.{module.stem}")


def _start(connection: socket.socket) -> int:
    """Fork a child for the job sent over `connection`; return its pid, or 0 if it is refused."""
    size, descriptors, _, _ = socket.recv_fds(connection, 8, 3)
    length, message = int.from_bytes(size, "little"), b""
    while len(message) < length:
        message += connection.recv(length - len(message))
    job = json.loads(message) if message else None
    pid = 0
    if job and _same_at_import(job["environment"]):
        _answer(connection, b"+")
        pid = os.fork()
        if pid == 0:
            _run_job(job, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid


def _same_at_import(environment: dict[str, str]) -> bool:
    here, there = (
        {name: value for name, value in names.items() if name.startswith(READ_AT_IMPORT)}
        for names in (dict(os.environ), environment)
    )
    return here == there


def _run_job(job: dict[str, object], descriptors: list[int]) -> None:
    """In the child process, execute the script and exit with its status."""
    import runpy
    import signal
    import traceback

    status = 1
    try:
        die_with_parent()
        signal.set_wakeup_fd(-1)
        for handled in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(handled, signal.SIG_DFL)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.chdir(str(job["folder"]))
        os.environ.clear()
        os.environ.update(job["environment"])  # type: ignore[call-overload]
        sys.argv = list(job["arguments"])  # type: ignore[call-overload]
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever the script raises ends this child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status & 0xFF)


def _ended_children() -> list[tuple[int, int]]:
    """The pid and status of every child that has ended; for a signal, 128 plus its number."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, state = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        code = os.waitstatus_to_exitcode(state)
        found.append((pid, code if code >= 0 else 128 - code))


def _answer(connection: socket.socket, message: bytes) -> None:
    with suppress(OSError):  # the client may have disconnected
        connection.sendall(message)


def die_with_parent() -> None:
    """Have Linux end this process with its parent; elsewhere the server checks every second."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(socket.socket(fileno=int(sys.argv[2])))
    else:
        sys.exit(run(sys.argv[1:]))
