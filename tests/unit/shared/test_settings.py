"""The settings: from the environment, or from the data directory's file."""

from pathlib import Path

import pytest

from shared.settings import SettingsError, load_settings
from shared.stages import STAGES

NAMES = ("REDIS_URL", "DATABASE_URL", "WEBHOOK_SECRETS", "CONSOLE_TOKENS", "STAGES", "PORT", "BATCH_SIZE", "LOG_LEVEL")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults(tmp_path: Path):
    """Nothing needs to be set that no program needs."""
    settings = load_settings(data_dir=tmp_path)
    assert (settings.stages, settings.port, settings.webhook_secrets) == (STAGES, 8000, ())


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Several secrets, or stages, stand in one variable."""
    monkeypatch.setenv("WEBHOOK_SECRETS", "first-secret, second-secret,")
    monkeypatch.setenv("STAGES", "metrics, lifecycle")
    settings = load_settings(data_dir=tmp_path)
    assert [secret.get_secret_value() for secret in settings.webhook_secrets] == ["first-secret", "second-secret"]
    assert settings.stages == ("metrics", "lifecycle")


def test_file_fills_what_the_environment_leaves_unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The environment wins over the file; an empty variable counts as unset."""
    (tmp_path / "env").write_text("PORT=9000\nBATCH_SIZE=7\nREDIS_URL=redis://file\n")
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.setenv("BATCH_SIZE", "")
    settings = load_settings(["REDIS_URL"], data_dir=tmp_path)
    assert (settings.port, settings.batch_size) == (9001, 7)


def test_the_spool_lies_in_the_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Whichever directory that is, unless somebody names another place."""
    monkeypatch.delenv("SPOOL_DIR", raising=False)
    assert load_settings(data_dir=tmp_path / "data").spool_dir == tmp_path / "data" / "spool"
    monkeypatch.setenv("SPOOL_DIR", "/somewhere/else")
    assert load_settings(data_dir=tmp_path / "data").spool_dir == Path("/somewhere/else")


def test_all_faults_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Every wrong and every missing setting is named in one error."""
    monkeypatch.setenv("PORT", "99999")
    monkeypatch.setenv("STAGES", "metrics,poetry")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsError) as raised:
        load_settings(["DATABASE_URL", "WEBHOOK_SECRETS", "PORT"], data_dir=tmp_path)
    told = [line.strip().split(":")[0] for line in str(raised.value).splitlines()[1:]]
    assert sorted(told) == ["DATABASE_URL", "LOG_LEVEL", "PORT", "STAGES", "WEBHOOK_SECRETS"]
    assert "unknown: poetry" in str(raised.value)


def test_a_wrong_one_of_several_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Where a variable holds a list, nobody has to look which entry is meant; none of them is shown."""
    monkeypatch.setenv("ALERT_ALLOWED_NETWORKS", "10.1.0.0/16, 10.1.0.5/16, 127.0.0.1, everything")
    with pytest.raises(SettingsError) as raised:
        load_settings(data_dir=tmp_path)
    told = [line.strip().rpartition(": ")[0] for line in str(raised.value).splitlines()[1:]]
    assert told == ["ALERT_ALLOWED_NETWORKS: number 2", "ALERT_ALLOWED_NETWORKS: number 4"]
    assert "10.1.0.5" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ALERT_ALLOWED_NETWORKS", "127.0.0.1/8", "number 1: has host bits set; did you mean 127.0.0.0/8?"),
        ("ALERT_ALLOWED_NETWORKS", "fd00::1/8", "number 1: has host bits set; did you mean fd00::/8?"),
        ("ALERT_ALLOWED_NETWORKS", "everything", "number 1: is no network such as 10.1.0.0/16"),
        ("CONSOLE_URL", "console", "must begin with http:// or https://, and have no spaces"),
        ("CONSOLE_URL", "https://con sole", "must begin with http:// or https://, and have no spaces"),
        ("SENTIMENT_SCORER", "vader", "must be written as module:object"),
    ],
)
def test_what_is_wrong_is_told_in_words(name: str, value: str, told: str, monkeypatch, tmp_path: Path):
    """With what was meant, where that is known; no pattern of ours is shown."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings(data_dir=tmp_path)
    assert [line.strip() for line in str(raised.value).splitlines()[1:]] == [f"{name}: {told}"]


def test_no_secret_in_messages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Neither an error nor the settings' own text shows a secret or a password."""
    secret = "a-very-secret-word"
    for name in ("WEBHOOK_SECRETS", "CONSOLE_TOKENS"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://user:{secret}@host/db")
    monkeypatch.setenv("REDIS_URL", f"redis://:{secret}@host")
    settings = load_settings(data_dir=tmp_path)
    assert secret not in f"{settings!r} {settings} {settings.model_dump()}"
    monkeypatch.setenv("PORT", secret)
    with pytest.raises(SettingsError) as raised:
        load_settings(data_dir=tmp_path)
    assert secret not in f"{raised.value} {raised.value!r}"


def test_settings_do_not_change(tmp_path: Path):
    """Settings are read once; nobody changes them on the way."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings(data_dir=tmp_path).port = 1
