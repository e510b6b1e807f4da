"""What the doctor makes of the facts: levels, words and exit status, without any server."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from earshot.checks import redis_server
from earshot.checks.clock import clock_findings
from earshot.checks.findings import Finding, duration, ok, problem, size, warning, worst
from earshot.cli import main

HEALTHY: Mapping[str, Any] = {
    "redis_version": "7.2.4",
    "valkey_version": "9.1.0",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "maxmemory": 0,
    "used_memory": 10,
    "total_system_memory": 100,
    "aof_enabled": 1,
    "appendfsync": "always",
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
}


def judge(facts: Mapping[str, Any]) -> dict[str, Finding]:
    """Judge facts of a Redis by all checks that need no server."""
    checks = (redis_server._version, redis_server._eviction, redis_server._persistence, redis_server._memory)
    return {finding.check: finding for check in checks for finding in check(facts)}


def test_a_redis_as_it_should_be_is_well():
    """No check has anything to say against it."""
    assert {finding.level for finding in judge(HEALTHY).values()} == {"ok"}


@pytest.mark.parametrize(
    ("changed", "check", "level"),
    [
        ({"redis_version": "6.0.16"}, "version", "problem"),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": 100}, "eviction", "problem"),
        ({"maxmemory_policy": "volatile-lru"}, "eviction", "warning"),
        ({"aof_enabled": 0}, "persistence", "problem"),
        ({"aof_last_write_status": "err"}, "persistence", "problem"),
        ({"aof_last_bgrewrite_status": "err"}, "persistence", "warning"),
        ({"appendfsync": "everysec"}, "persistence", "warning"),
        ({"used_memory": 80}, "memory", "warning"),
        ({"used_memory": 95, "maxmemory": 100}, "memory", "problem"),
    ],
)
def test_each_weakness_is_found_with_its_remedy(changed: Mapping[str, Any], check: str, level: str):
    """One fact that is wrong is one finding, and it says what to do."""
    found = judge({**HEALTHY, **changed})
    assert {name: finding.level for name, finding in found.items() if finding.level != "ok"} == {
        f"redis.{check}": level
    }
    assert found[f"redis.{check}"].remedy


@pytest.mark.parametrize("untold", ["redis_version", "maxmemory_policy", "aof_enabled", "appendfsync", "used_memory"])
def test_what_a_managed_server_keeps_to_itself_is_a_warning(untold: str):
    """Nobody knows is not all is well."""
    facts = {name: value for name, value in HEALTHY.items() if name != untold}
    assert worst(list(judge(facts).values())) == "warning"


@pytest.mark.parametrize(
    ("seconds", "level"), [(0.5, "ok"), (-1.5, "ok"), (5, "warning"), (-5, "warning"), (-60, "problem")]
)
def test_clocks_apart_are_told(seconds: float, level: str):
    """A difference in either direction counts."""
    (finding,) = clock_findings("redis.clock", "Redis", seconds)
    assert level == finding.level


@pytest.mark.parametrize(
    ("findings", "level", "status", "verdict"),
    [
        ([ok("a", "is well")], "ok", 0, "All is well."),
        ([ok("a", "is well"), warning("b", "is weak", "mend")], "warning", 0, "1 warning"),
        ([problem("c", "is bad", "mend"), warning("b", "is weak", "mend")], "problem", 1, "1 problem and 1 warning"),
        ([problem("c", "is bad", "mend")] * 2, "problem", 1, "2 problems"),
    ],
)
def test_the_exit_status_tells_a_script(
    findings: list[Finding], level: str, status: int, verdict: str, monkeypatch: pytest.MonkeyPatch
):
    """1 with a problem, else 0; the same for both forms, which have the same findings."""
    monkeypatch.setattr("earshot.checks.examination.examine", lambda _: findings)
    for_people = CliRunner().invoke(main, ["doctor"])
    for_scripts = CliRunner().invoke(main, ["doctor", "--json"])
    assert (status, status) == (for_people.exit_code, for_scripts.exit_code)
    assert verdict == for_people.output.splitlines()[-1]
    document = json.loads(for_scripts.output)
    assert (level, len(findings)) == (document["level"], len(document["findings"]))
    for finding, told in zip(findings, document["findings"], strict=True):
        assert (finding.check, finding.level, finding.text, finding.remedy) == tuple(told.values())
        assert finding.text in for_people.output
        assert finding.remedy in for_people.output


def test_without_anything_set_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A fresh machine gets an answer, not a traceback."""
    for name in ("REDIS_URL", "DATABASE_URL", "WEBHOOK_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(main, ["doctor", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "REDIS_URL is not set" in result.output
    assert "DATABASE_URL is not set" in result.output


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (90, "90 s"), (150, "2 min"), (7300, "2 h"), (3 * 86_400, "3 days")]
)
def test_durations_are_readable(seconds: float, text: str):
    """Two figures are enough for a person."""
    assert text == duration(seconds)


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 bytes"), (2048, "2 KiB"), (3 << 20, "3 MiB"), (5 << 30, "5.0 GiB")]
)
def test_sizes_are_readable(count: int, text: str):
    """In the unit that fits."""
    assert text == size(count)
