"""A Slurm cluster of one node on loopback, from Debian's packages, in a folder of its own.

munged, slurmctld and slurmd run as whoever starts them, without systemd, cgroups or accounting.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from getpass import getuser
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue")
SBIN = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])  # not on every user's PATH

# One node, whatever this machine has: as many CPUs and as much memory as the tests ask for.
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
PrologFlags=NoHold
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
MinJobAge=300
KillWait=2
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=loopback NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """The programs of Slurm and munge that this machine lacks."""
    return [name for name in PROGRAMS if not shutil.which(name, path=SBIN)]


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Start a cluster; yields the environment in which Slurm's commands find it. Ends with the block.

    Raises
        RuntimeError: if a daemon does not come up, with the end of its log.
    """
    with TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        _configure(folder)
        environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": SBIN}
        daemons: list[subprocess.Popen[bytes]] = []

        def start(*command: str | Path) -> None:
            with (folder / "out.txt").open("ab") as out:
                daemons.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))

        def answers(*command: str) -> bool:
            said = subprocess.run(command, env=environment, capture_output=True, check=False)
            return said.returncode == 0 and b"idle" in said.stdout

        try:
            start(
                "munged", "--foreground", "--force", f"--key-file={folder / 'munge.key'}",
                f"--socket={folder / 'munge.socket'}", f"--pid-file={folder / 'munge.pid'}",
                f"--log-file={folder / 'munge.log'}", f"--seed-file={folder / 'munge.seed'}",
            )  # fmt: skip
            _wait((folder / "munge.socket").exists, folder, "munge.log")
            start("slurmctld", "-D", "-c", "-f", folder / "slurm.conf")
            start("slurmd", "-D", "-N", "loopback", "-f", folder / "slurm.conf")
            _wait(lambda: answers("sinfo", "--noheader", "--format=%T"), folder, "slurmctld.log")
            yield environment
        finally:
            for daemon in reversed(daemons):
                daemon.terminate()
            for daemon in daemons:
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(timeout=10)
                daemon.kill()
                daemon.wait()


def _configure(folder: Path) -> None:
    for made in ("state", "spool"):
        (folder / made).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    controller, daemon = _free_ports(2)
    configuration = CONFIGURATION.format(
        folder=folder,
        host=socket.gethostname().partition(".")[0],
        user=getuser(),
        controller=controller,
        daemon=daemon,
    )
    (folder / "slurm.conf").write_text(configuration)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(ready: Callable[[], bool], folder: Path, log: str) -> None:
    for _ in range(300):
        if ready():
            return
        time.sleep(0.1)
    told = [path.read_text() for path in (folder / log, folder / "out.txt") if path.exists()]
    raise RuntimeError(f"{log} ends with:\n" + "\n".join(told)[-3000:])
