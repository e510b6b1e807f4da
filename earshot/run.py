"""What `up` and `servers` have in common: the data directory, the embedded servers, and the end of everything."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earshot.data_dir import DataDir
from earshot.environment import keep_variables, known_variables, run_variables
from earshot.errors import Stopped
from earshot.process_log import ProcessLog
from earshot.servers.embedded import STOP_SECONDS, Server, embedded_servers, start_server, start_servers
from earshot.servers.sockets import discard_socket_directory
from earshot.stop_signals import StopSignals
from earshot.supervisor import Supervisor


@dataclass(frozen=True)
class Run:
    """One run in one data directory, whose embedded servers answer; `variables` are those of D/env."""

    data_dir: DataDir
    log: ProcessLog
    supervisor: Supervisor
    servers: Sequence[Server]
    variables: dict[str, str]


def run_until_stopped(root: Path, log: ProcessLog, work: Callable[[Run], None]) -> None:
    """Start the embedded servers, do the work, and end everything, whichever way the work ends.

    Returns when somebody asked for the end; raises EarshotError when it is for another reason.
    """
    data_dir = DataDir.at(root)
    data_dir.create()
    with data_dir.locked() as lock, StopSignals() as signals, closing(Supervisor(log, signals)) as supervisor:
        try:
            _work_with_servers(data_dir, lock, supervisor, log, work)
        except Stopped:
            log.say("everything has ended")


def _work_with_servers(
    data_dir: DataDir, lock: int, supervisor: Supervisor, log: ProcessLog, work: Callable[[Run], None]
) -> None:
    servers = embedded_servers(data_dir, lock, os.environ)
    log.say(_describe(servers))
    started = start_servers(servers, supervisor.wait)
    for server in servers:
        process, remark = started[server.name], f" ({server.log} may say why)"
        supervisor.watch(server.name, partial(start_server, server), process, remark=remark)
    try:
        addresses = {server.variable: server.url for server in servers}
        variables = run_variables(known_variables(data_dir), os.environ, addresses)
        keep_variables(data_dir, variables)
        work(Run(data_dir, log, supervisor, servers, variables))
    finally:
        for server in servers:
            supervisor.end([server.name], server.command().stop_signal, STOP_SECONDS)
        discard_socket_directory(data_dir.root)


def _describe(servers: Sequence[Server]) -> str:
    named = [name for name in ("REDIS_URL", "DATABASE_URL") if name not in {server.variable for server in servers}]
    parts = [f"starting {' and '.join(server.name for server in servers)}"] if servers else []
    return "; ".join([*parts, *(f"{name} is set, so that server is used" for name in named)])
