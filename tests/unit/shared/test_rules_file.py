"""alerts.toml: what is right is read, and what is wrong is told with its line, all of it at once."""

from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.alerting.rule_faults import KINDS, write_span
from shared.alerting.rules_file import LARGEST_BYTES, MOST_RULES, PROJECT_FILE, RulesError, load_rules, read_rules
from shared.alerting.toml_places import find_places
from shared.settings import Settings, SettingsError

# Of every key that a rule can have: something right, and things that are wrong.
VALUES: dict[str, tuple[str, tuple[str, ...]]] = {
    "enabled": ("false", ('"yes"', "1")),
    "severity": ("'critical'", ('"urgent"', "3")),
    "channels": ('["slack", "email"]', ('"slack"', '["pager"]', "[1]")),
    "assistants": ('["sales"]', ('"sales"', '[""]', "[[]]", "[]")),
    "tell_end": ("true", ('"no"', "0")),
    "confidence_above": ("0.7", ("1.1", "true", "nan")),
    "per": ('"message"', ('"turn"', "1")),
    "below": ("0.5", ("-0.1", '"low"')),
    "minimum_messages": ("3", ("0", "2.5")),
    "silent_for": ('"20s"', ('"20"', "20", '"32d"', "12:00:00")),
    "longer_than": ('"3h"', ('"long"', '"0s"')),
    "above": ("2", ("-1", "inf")),
    "window": ('"30m"', ('"1y"', "{}")),
    "clear_for": ('"5m"', ('"99d"', "[]")),
    "rate_above": ("0.1", ("5", '"5%"')),
    "minimum_calls": ("1", ("-5", "1.0")),
    "error_type": ('"llm_error"', ('"tts_error"', "false")),
    "minimum_errors": ("1", ("0", '"3"')),
    "percentile": ("0.99", ("1", "95")),
    "above_ms": ("2500.5", ("0", "-3")),
    "minimum_turns": ("10", ("0", "1e3")),
    "by": ('"assistant"', ('"call"', "''")),
    "minimum_replies": ("10", ("0",)),
    "minimum_days": ("2", ("14", "0")),
}
KEYS = {kind: sorted(rule.model_fields.keys() - {"name", "kind"}) for kind, rule in KINDS.items()}
NOISE = ("", "# [rules.hang]", "  # rate_above = 7")
HEADERS = ("[rules.{}]", '[rules."{}"]', "  [ rules . '{}' ] # [rules.other]")
SEPARATORS = (" = ", "=", "\t=  ")


def faults_in(path: Path, text: str) -> list[str]:
    """Read a file that is wrong, and give what is told, without the file's name."""
    path.write_text(text)
    with pytest.raises(RulesError) as raised:
        read_rules(path)
    first, *told = str(raised.value).splitlines()
    assert first == "The rules of alerts need attention:"
    return [line.removeprefix(f"  {path}").removeprefix(", ") for line in told]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.toml"


def test_the_projects_file_is_right_and_spells_everything_out():
    """Every kind has a rule, each with every key of its kind, so that nobody has to guess what can be set."""
    rules = load_rules(Settings())
    assert {rule.kind for rule in rules.values()} == set(KINDS)
    places = find_places(PROJECT_FILE.read_text())
    for name, rule in rules.items():
        own = set(type(rule).model_fields) - {"name", "kind", "enabled", "channels", "assistants", "tell_end"}
        assert {key for _, of, key in (path for path in places if len(path) == 3) if of == name} >= own


def test_the_projects_thresholds_are_those_that_the_platform_suggests():
    """Its documentation names them; an angry caller is one with 0.8 or more."""
    rules = load_rules(Settings())
    rates = {
        name: (rules[name].rate_above, rules[name].window, rules[name].severity)
        for name in ("hang_rate", "llm_errors", "llm_errors_critical", "stt_errors", "stt_errors_critical")
    }
    five_minutes = timedelta(minutes=5)
    assert rates == {
        "hang_rate": (0.05, timedelta(hours=1), "critical"),
        "llm_errors": (0.02, five_minutes, "warning"),
        "llm_errors_critical": (0.05, five_minutes, "critical"),
        "stt_errors": (0.01, five_minutes, "warning"),
        "stt_errors_critical": (0.03, five_minutes, "critical"),
    }
    latency = rules["turn_latency"]
    assert (latency.percentile, latency.above_ms, latency.severity) == (0.95, 3000, "warning")
    assert rules["negative_sentiment"].confidence_above == 0.8


def test_the_rules_are_those_of_the_file(path: Path):
    """ALERTS_FILE names it; nothing is added from elsewhere, and each rule knows its name, switched off or not."""
    path.write_text('[rules.hang]\nenabled = false\n[rules.slow]\nkind = "turn_latency"\nchannels = ["slack"]\n')
    rules = load_rules(Settings(alerts_file=path))
    assert {name: (rule.name, rule.kind, rule.enabled) for name, rule in rules.items()} == {
        "hang": ("hang", "hang", False),
        "slow": ("slow", "turn_latency", True),
    }
    assert rules["slow"].channels == ("slack",)
    assert rules["hang"].channels is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "[rules]\n", "\ufeff[rules]\r\nhang = {}\r\n"])
def test_a_file_may_have_few_rules(path: Path, text: str):
    """None is right, too; so are marks and ends of lines as other systems have them."""
    path.write_text(text)
    assert len(read_rules(path)) == text.count("hang")


def test_the_fault_is_a_fault_of_settings(path: Path):
    """So every program that reads the rules ends with the status of wrong settings."""
    assert issubclass(RulesError, SettingsError)


def test_all_faults_are_told_at_once_each_with_its_line(path: Path):
    """In the order of the file, with the reason, and with what may have been meant."""
    text = """\
top = 1
[rules.hang]
severty = "info"
name = "hung"
[rules.hang_rate]
rate_above = 1.5
window = "40d"
[rules.Angry]
kind = "negative_sentiment"
[rules.hang_rates]
[rules.test]
kind = "hang"
[rules.calls]
kind = "call_costs"
[rules.dead_air]
kind = "hang"
[rules]
endless_call = 3
"""
    assert faults_in(path, text) == [
        "line 1: top: unknown table; there is rules",
        "line 3: rules.hang.severty: unknown key (did you mean severity?); "
        "there are assistants, channels, enabled, kind, severity, tell_end",
        "line 4: rules.hang.name: unknown key; there are assistants, channels, enabled, kind, severity, tell_end",
        "line 6: rules.hang_rate.rate_above: must be at most 1",
        "line 7: rules.hang_rate.window: must be at most 31d",
        "line 8: rules.Angry: a name begins with a letter and has small letters, digits and underscores, 60 at most",
        f"line 10: rules.hang_rates: kind is not set; there are {', '.join(KINDS)} (did you mean hang_rate?)",
        "line 11: rules.test: the name is that of the alerts of `earshot alerts test`; take another",
        f"line 14: rules.calls.kind: unknown kind (did you mean call_cost?); there are {', '.join(sorted(KINDS))}",
        "line 16: rules.dead_air.kind: must be dead_air, as the rule bears that name; name it otherwise",
        "line 18: rules.endless_call: must be a table: [rules.endless_call]",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[rules.hang]\n[rules.hang]\n", "line 2: Cannot declare ('rules', 'hang') twice"),
        ("[rules.hang]\nenabled = true\nenabled = true\n", "line 3: Cannot overwrite a value"),
        ("[rules.hang]\n\nenabled yes\n", "line 3: Expected '=' after a key in a key/value pair"),
        ("[rules.hang]\nchannels = [\n1,\n", "line 4: Invalid value"),
        ("\n\x00", "line 2: Invalid statement"),
        ("x = " + "[" * 5000, ": is nested too deeply"),
        ("[[rules]]\nhang = 1", "line 1: rules: must hold tables: [rules.NAME]"),
        (
            "[rules]\n" + "".join(f'r{n} = {{kind = "hang"}}\n' for n in range(MOST_RULES + 1)),
            "line 1: rules: has more",
        ),
        ("#" * LARGEST_BYTES + "\n", ": is larger than 64 KiB"),
        ('[rules."\\u001b[2J"]', "line 1: rules.'\\x1b[2J': a name begins"),
        ("[rules.call_cost]\nabove = 1" + "0" * 400, "line 2: rules.call_cost.above: must be a"),
    ],
    ids=range(11),
)
def test_what_is_no_file_of_rules_is_told(path: Path, text: str, told: str):
    """Faults of TOML with the line that its reader names; nothing in the file ends the program otherwise."""
    assert faults_in(path, text)[0].startswith(told)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path):
    """With its name and the setting; so is one that is no text."""
    for path, told in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(RulesError, match=rf"{told}.*ALERTS_FILE"):
            read_rules(path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"[rules.hang]\n\xff\xfe")
    with pytest.raises(RulesError, match="line 2: is no text in UTF-8"):
        read_rules(binary)


def test_every_key_of_a_rule_is_among_the_values_tried():
    """What is added to a kind is tried below."""
    assert set(chain(*KEYS.values())) == set(VALUES)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, int, str]:
    """A file of some rules written in some way, with one wrong value; its line, and its path."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True))
    rules = {kind: {key: VALUES[key][0] for key in draw(keys_of(kind))} for kind in kinds}
    wrong = draw(st.sampled_from(kinds))
    key = draw(st.sampled_from(sorted(rules[wrong])))
    rules[wrong][key] = draw(st.sampled_from(VALUES[key][1]))
    writer = draw(st.sampled_from([tables, dotted, inline]))
    lines = draw(writer(rules))
    number = next(number for number, (_, begun) in enumerate(lines, start=1) if (wrong, key) in begun)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return "".join(line + end for line, _ in lines), number, f"rules.{wrong}.{key}"


# A line, and the values that begin in it, by rule and key.
Line = tuple[str, set[tuple[str, str]]]
Written = dict[str, dict[str, str]]


def keys_of(kind: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(KEYS[kind]), min_size=1, max_size=5, unique=True)


@st.composite
def tables(draw: st.DrawFn, rules: Written) -> list[Line]:
    """Each rule is a table."""
    lines: list[Line] = []
    for name, values in rules.items():
        lines += [*draw(noise()), (draw(st.sampled_from(HEADERS)).format(name), set())]
        for key, value in values.items():
            lines += draw(setting(draw(st.sampled_from(["{}", '"{}"', "'{}'"])).format(key), (name, key), value))
    return lines


@st.composite
def dotted(draw: st.DrawFn, rules: Written) -> list[Line]:
    """Each line names all of its path."""
    settings_made = [
        draw(setting(f"rules . {name}.'{key}'", (name, key), value))
        for name, values in rules.items()
        for key, value in values.items()
    ]
    return list(chain(*settings_made))


@st.composite
def inline(draw: st.DrawFn, rules: Written) -> list[Line]:
    """Each rule is a line of its own."""
    lines: list[Line] = [*draw(noise()), ("[rules]", set())]
    for name, values in rules.items():
        pairs = ", ".join(f"{key} = {value}" for key, value in values.items())
        lines += [*draw(noise()), (f"{name} = {{ {pairs} }}", {(name, key) for key in values})]
    return lines


@st.composite
def setting(draw: st.DrawFn, written: str, path: tuple[str, str], value: str) -> list[Line]:
    """A key and its value, over several lines where the value is a list."""
    before, separator = draw(noise()), draw(st.sampled_from(SEPARATORS))
    if not value.startswith("[") or draw(st.booleans()):
        return [*before, (f"{written}{separator}{value}", {path})]
    rest = [*value[1:-1].replace(", ", ",\n").split("\n"), "# enabled = 3", "]"]
    return [*before, (f"{written}{separator}[", {path}), *((line, set()) for line in rest)]


def noise() -> st.SearchStrategy[list[Line]]:
    return st.lists(st.sampled_from([(line, set[tuple[str, str]]()) for line in NOISE]), max_size=2)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files())
def test_a_wrong_value_is_told_with_its_line(path: Path, made: tuple[str, int, str]):
    """Whatever the rule, the key and the way they are written."""
    text, line, name = made
    told = faults_in(path, text)
    assert len(told) == 1
    assert told[0].startswith(f"line {line}: {name}: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("severity = warning", "Invalid value; texts are written in quotes"),
        ("channels = [ slack ]", "Invalid value; texts are written in quotes"),
        ("silent_for = 15s", "Expected newline or end of document after a statement; texts are written in quotes"),
        ("enabled = true false", "Expected newline or end of document after a statement"),
        ("enabled = ", "Invalid value"),
    ],
)
def test_quotes_that_are_missing_are_asked_for(path: Path, text: str, told: str):
    """Where a word or a length of time stands without them, and nowhere else."""
    assert faults_in(path, f"[rules.dead_air]\n{text}\n") == [f"line 2: {told}"]


def test_what_is_wrong_in_a_list_is_counted_from_one(path: Path):
    """As people count, and as in the settings."""
    assert faults_in(path, '[rules.hang]\nchannels = ["slack", "pager", 1]\n') == [
        "line 2: rules.hang.channels: number 2: is no channel; there are webhook, slack, email",
        "line 2: rules.hang.channels: number 3: is no channel; there are webhook, slack, email",
    ]


def test_the_feed_has_no_assistants(path: Path):
    """It is silent as a whole, so a rule about some of them would not do what it says."""
    assert faults_in(path, '[rules.feed_silence]\nassistants = ["sales"]\n') == [
        "line 2: rules.feed_silence.assistants: unknown key; "
        "there are channels, enabled, kind, minimum_days, severity, silent_for, tell_end"
    ]


def test_a_list_of_no_assistants_is_refused(path: Path):
    """It would be taken for none, and left out it stands for all."""
    assert faults_in(path, "[rules.hang]\nassistants = []\n") == [
        "line 2: rules.hang.assistants: must name at least one; leave it out for all of them"
    ]
    path.write_text("[rules.hang]\n")
    assert read_rules(path)["hang"].assistants == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[rules]\nhang = { enabled = true, severity = 3 }\n", 2),
        ("rules.hang.enabled = true\nrules.hang.severity = 3\n", 2),
        ("[rules]\n'hang'.enabled = true\nhang . \"severity\" = 3\n", 3),
        ('[rules.hang]\nassistants = ["""\nseverity = 3\n"""]\nseverity = 3\n', 5),
        ("[rules.hang.severity]\n", 1),
        ("[rules]\n[rules.hang]\n[rules.call_cost]\nabove = 1\n[rules.hang.severity]\na = 1\n", 5),
    ],
)
def test_a_key_is_found_however_it_is_written(path: Path, text: str, line: int):
    """Inline, dotted, quoted, behind a text that looks like it, or as a table of its own."""
    assert [told.partition(": ")[0] for told in faults_in(path, text)] == [f"line {line}"]


@pytest.mark.parametrize(("seconds", "written"), [(90, "90s"), (300, "5m"), (7200, "2h"), (86_400, "1d"), (1, "1s")])
def test_lengths_of_time_are_written_as_they_are_read(seconds: int, written: str):
    """In the largest unit that leaves no rest."""
    assert write_span(timedelta(seconds=seconds)) == written
