"""`earshot up`: embedded servers, migration, and every program of the Procfile, in one terminal."""

import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from earshot.banner import Surroundings, render_banner, render_next_steps, write_psql_script
from earshot.children import Command, start
from earshot.data_dir import DataDir
from earshot.env_file import read_env
from earshot.environment import keep_variables, program_environment
from earshot.errors import EarshotError
from earshot.first_call import ArrivedRows, post_first_call, render_arrived
from earshot.ports import check_port_free, local_url
from earshot.posting import is_ready
from earshot.process_log import ProcessLog, wants_colour
from earshot.procfile import Programs, read_procfile, start_command
from earshot.run import Run, run_until_stopped
from earshot.servers.postgres import Postgres
from shared.alerting.channels import channels_of
from shared.alerting.rules_file import load_rules
from shared.settings import load_settings

MIGRATION_SECONDS = 900.0
READY_SECONDS = 60.0
ARRIVAL_SECONDS = 30.0
STOP_SECONDS = 15.0
LISTENING_STOP_SECONDS = 10.0
# These take in what comes from outside; they end first, so that the others can finish what is there.
LISTENING = ("ingest", "console")
# It raises the alerts, and does not start when their rules or channels are wrong.
JANITOR = ("earshot", "janitor")


@dataclass(frozen=True)
class UpOptions:
    """What the command line says; `has_sample` None posts the sample call in the first run with embedded servers."""

    root: Path
    procfile: Path
    port: int
    console_port: int
    has_sample: bool | None = None

    @property
    def host(self) -> str:
        """Tell where the ingest will listen, as its own settings will say."""
        known = read_env(DataDir.at(self.root).env)
        return os.environ.get("HOST") or known.get("HOST") or "127.0.0.1"


def up(options: UpOptions) -> None:
    """Run everything until somebody asks for the end.

    Raises EarshotError when something is missing or taken, and SettingsError when a program would refuse to start.
    """
    programs = read_procfile(options.procfile)
    _check_programs(programs)
    _check_settings(programs, options)
    if "ingest" in programs:
        check_port_free(options.host, options.port, "--port")
    if "console" in programs:
        check_port_free(options.host, options.console_port, "--console-port")
    log = ProcessLog((*programs, "migrate"), sys.stdout, colour=wants_colour(sys.stdout, os.environ))
    run_until_stopped(options.root, log, lambda run: _run_programs(run, programs, options))


def _run_programs(run: Run, programs: Programs, options: UpOptions) -> None:
    variables = {**run.variables, **_ports(programs, options)}
    keep_variables(run.data_dir, variables)
    environment = program_environment(variables, run.data_dir.root)
    _migrate(run, environment)
    try:
        for name, words in programs.items():
            command = Command(name, start_command(words), environment)
            run.supervisor.watch(name, partial(start, command))
        _welcome(run, programs, options)
        run.supervisor.run()
    finally:
        _end(run, programs)


def _migrate(run: Run, environment: dict[str, str]) -> None:
    command = Command("migrate", start_command(("earshot", "migrate")), environment)
    if run.supervisor.run_once("migrate", start(command), MIGRATION_SECONDS):
        raise EarshotError("The database could not be migrated; the lines above say why.")


def _welcome(run: Run, programs: Programs, options: UpOptions) -> None:
    if not run.supervisor.wait(lambda: _is_up(run, programs, options), READY_SECONDS):
        run.log.say(f"not everything is up after {READY_SECONDS:.0f} s; the lines above may say why. Trying on.")
        return
    around = _surroundings(run, programs, options)
    is_first = "ingest" in programs and _wants_sample(run, options)
    if is_first:
        _show_sample(run, around)
    run.log.text(render_banner(around, bold=run.log.has_colour))
    if is_first:
        run.log.text(render_next_steps(around))


def _is_up(run: Run, programs: Programs, options: UpOptions) -> bool:
    if not run.supervisor.all_running(programs):
        return False
    host = "127.0.0.1" if options.host == "0.0.0.0" else options.host  # noqa: S104 - compared with
    ports = {"ingest": options.port, "console": options.console_port}
    return all(is_ready(host, port) for name, port in ports.items() if name in programs)


def _wants_sample(run: Run, options: UpOptions) -> bool:
    if options.has_sample is not None:
        return options.has_sample
    # Never into somebody's own servers unasked.
    both_embedded = len(run.servers) == 2  # noqa: PLR2004
    return both_embedded and not _sample_mark(run).exists()


def _show_sample(run: Run, around: Surroundings) -> None:
    secret = run.variables["WEBHOOK_SECRETS"].partition(",")[0]
    run.log.say("first run: posting a sample call")
    try:
        began = time.monotonic()
        events = post_first_call(around.webhook_url, secret)
        rows = ArrivedRows(run.variables["DATABASE_URL"])
        if not run.supervisor.wait(rows.are_complete, ARRIVAL_SECONDS):
            run.log.say(f"not all rows are there after {ARRIVAL_SECONDS:.0f} s; the lines above may say why")
        run.log.say(f"{events} events posted, their rows arrived in {time.monotonic() - began:.1f} s")
        run.log.text("\n" + render_arrived(rows.counts, rows.transcript(), colour=run.log.has_colour))
        rows.close()
        _sample_mark(run).touch()
    except EarshotError as error:
        run.log.say(str(error))


def _end(run: Run, programs: Programs) -> None:
    run.log.say("stopping (Ctrl-C again kills at once)")
    deadline = time.monotonic() + STOP_SECONDS
    listening = [name for name in LISTENING if name in programs]
    run.supervisor.end(listening, signal.SIGTERM, LISTENING_STOP_SECONDS)
    run.supervisor.end(programs, signal.SIGTERM, max(1.0, deadline - time.monotonic()))


def _surroundings(run: Run, programs: Programs, options: UpOptions) -> Surroundings:
    postgres = next((server for server in run.servers if isinstance(server, Postgres)), None)
    psql = 'psql "$DATABASE_URL"'
    if postgres:
        psql = write_psql_script(run.data_dir, postgres.url, postgres.programs.directory / "psql")
    victim = list(programs)[min(1, len(programs) - 1)]  # the first worker: it has the most to lose
    return Surroundings(
        run.data_dir,
        local_url(options.host, options.port),
        psql,
        (victim, run.supervisor.pid(victim)),
        local_url(options.host, options.console_port) if "console" in programs else None,
        channels_of(load_settings((), options.root)),
    )


def _ports(programs: Programs, options: UpOptions) -> dict[str, str]:
    console = {"CONSOLE_PORT": str(options.console_port)} if "console" in programs else {}
    return {"PORT": str(options.port), **console}


def _check_programs(programs: Programs) -> None:
    for name, words in programs.items():
        if shutil.which(start_command(words)[0]) is None:
            raise EarshotError(f"The Procfile's {name} needs the command {words[0]}, which is not installed.")


def _check_settings(programs: Programs, options: UpOptions) -> None:
    settings = load_settings((), options.root)
    if JANITOR in programs.values():
        load_rules(settings)
        channels_of(settings)


def _sample_mark(run: Run) -> Path:
    return run.data_dir.root / "sample-posted"
