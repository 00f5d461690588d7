"""A Slurm cluster of this machine alone, by Debian's slurm-wlm, with everything it writes in one folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ports import free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sacct")
_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={worker}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1
SlurmdParameters=config_overrides
MinJobAge=600
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def has_slurm() -> bool:
    """Whether its programs are installed, and this process may start them."""
    return os.geteuid() == 0 and all(shutil.which(name) for name in PROGRAMS)


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Variables of the environment in which ``sbatch`` reaches the cluster."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    conf = folder / "slurm.conf"
    conf.write_text(_CONF.format(host=host, folder=folder, controller=free_port(), worker=free_port()))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    munged = ["munged", "-F", "-f", f"--socket={folder}/munge.socket", f"--key-file={key}"]
    munged += [f"--{name}={folder}/munge.{suffix}" for name, suffix in (("pid-file", "pid"), ("log-file", "log"))]
    munged += [f"--seed-file={folder}/munge.seed", "--num-threads=1"]
    commands = [munged, ["slurmctld", "-D", "-i", "-f", str(conf)], ["slurmd", "-D", "-N", host, "-f", str(conf)]]
    with ExitStack() as stack:
        for command in commands:
            log = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(_end, daemon)
            time.sleep(0.5)
        _wait_for_node(environment, folder)
        yield environment


def _end(daemon: subprocess.Popen) -> None:
    daemon.terminate()
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _wait_for_node(environment: dict[str, str], folder: Path) -> None:
    for _ in range(60):
        told = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True)
        if told.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in folder.glob("*.[lo][ou][gt]"))
    raise RuntimeError(f"Slurm's node is {told.stdout.strip() or told.stderr.strip()!r}:\n{logs}")
