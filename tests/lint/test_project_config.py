"""The configuration: what it may say, and how wrong ones are refused."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.advise.rules import Rule, load_rules
from cvadvisor.errors import UserError
from cvadvisor.project_config import ProjectConfig, find_config, read_config
from cvadvisor.rule_settings import RuleSettings, lies_under


def a_rule(code: str, name: str, **params: float) -> Rule:
    """A shipped rule under another name."""
    return load_rules()[0].model_copy(update={"code": code, "name": name, "params": params})


RULES = (a_rule("RUN003", "loss-diverged", ratio=2.0, epochs=3), a_rule("RUN034", "noisy-validation"))


def configured(folder: Path, text: str, name: str = "cvadvisor.toml") -> ProjectConfig:
    (folder / name).write_text(text, encoding="utf-8")
    return find_config(folder)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(UserError) as error:
        configured(folder, text)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    text = """
        [tool.cvadvisor]
        select = ["RUN", "loss-diverged"]
        fail-on = "warning"
        baseline = "known.json"
        [tool.cvadvisor.ignore]
        noisy-validation = "40 images by design"
        [tool.cvadvisor.per-path-ignores."runs/old/**"]
        RUN003 = "diverged on purpose"
        [tool.cvadvisor.severities]
        RUN034 = "error"
        [tool.cvadvisor.params.loss-diverged]
        ratio = 3
        [tool.cvadvisor.map]
        "my col" = "val/accuracy"
    """
    config = configured(tmp_path, text, "pyproject.toml")
    assert config.fail_on == "warning"
    assert config.baseline == tmp_path / "known.json"
    assert config.columns == {"my col": "val/accuracy"}
    assert config.rules.ignored("RUN034", "noisy-validation", tmp_path / "a.csv") == "40 images by design"
    assert config.rules.ignored("RUN003", "loss-diverged", tmp_path / "runs/old/x/a.csv") == "diverged on purpose"
    assert config.rules.ignored("RUN003", "loss-diverged", tmp_path / "runs/new/a.csv") is None
    assert config.rules.severity("RUN034", "noisy-validation", "info") == "error"
    assert config.rules.params_of("RUN003", "loss-diverged") == {"ratio": 3}


def test_the_nearest_configuration_above_is_taken_and_a_pyproject_without_ours_is_passed_by(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    (tmp_path / "cvadvisor.toml").write_text('fail-on = "never"\n')
    assert find_config(inner).fail_on == "never"


def test_nothing_above_the_repository_counts(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (tmp_path / "cvadvisor.toml").write_text('fail-on = "never"\n')
    assert find_config(repository).file is None


def test_two_configurations_in_a_folder_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.cvadvisor]\n")
    assert "keep one of them" in refused(tmp_path, "")


def test_an_unknown_key_is_named_with_the_nearest(tmp_path: Path) -> None:
    assert "unknown key 'selct'; did you mean 'select'?" in refused(tmp_path, "selct = []")


def test_an_ignore_needs_a_reason(tmp_path: Path) -> None:
    assert "each rule needs a reason" in refused(tmp_path, 'ignore = ["RUN003"]')
    assert "RUN003 needs a reason" in refused(tmp_path, '[ignore]\nRUN003 = ""')
    assert "RUN003 needs a reason" in refused(tmp_path, "[ignore]\nRUN003 = true")
    assert "needs a reason" in refused(tmp_path, '[per-path-ignores]\n"a/*" = ["RUN003"]')


@pytest.mark.parametrize(
    "text",
    [
        "select = 3",
        "select = [3]",
        'select = [""]',
        'fail-on = "errors"',
        "fail-on = []",
        "baseline = 3",
        '[severities]\nRUN003 = "fatal"',
        "params = []",
        "[params]\nRUN003 = 3",
        "[params.RUN003]\nratio = inf",
        "[params.RUN003]\nratio = nan",
        "[params.RUN003]\nratio = [1]",
        "map = 3",
        "[map]\na = 3",
        "not toml",
        "a = " + "[" * 100_000,
        "x = 1\n" * 2,
        '"\\u001b[2J" = 1',
    ],
)
def test_what_is_wrong_is_refused_in_a_line_that_names_the_file(tmp_path: Path, text: str) -> None:
    line = refused(tmp_path, text)
    assert "cvadvisor.toml" in line
    assert "\x1b" not in line


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("config") / "cvadvisor.toml"
    file.write_bytes(data)
    with contextlib.suppress(UserError):
        read_config(file)


def test_a_large_file_is_no_configuration(tmp_path: Path) -> None:
    assert "over 1 MB" in refused(tmp_path, "# " + "x" * 1_000_001)


# Settings


def test_rules_are_selected_by_code_beginning_or_name_in_any_case() -> None:
    for wanted in ("RUN003", "run003", "RUN", "RUN0", "loss-diverged", "Loss-Diverged"):
        assert RuleSettings(select=(wanted,)).is_selected("RUN003", "loss-diverged"), wanted
    for wanted in ("RUN004", "DAT", "loss"):
        assert not RuleSettings(select=(wanted,)).is_selected("RUN003", "loss-diverged"), wanted
    assert RuleSettings().is_selected("RUN003", "loss-diverged")


def test_the_closest_name_wins() -> None:
    settings = RuleSettings(
        severities={"RUN": "info", "loss-diverged": "warning"},
        params={"RUN": {"ratio": 1}, "RUN003": {"ratio": 2}, "RUN00": {"ratio": 3, "epochs": 4}},
    )
    assert settings.severity("RUN003", "loss-diverged", "error") == "warning"
    assert settings.severity("RUN034", "noisy-validation", "error") == "info"
    assert settings.params_of("RUN003", "loss-diverged") == {"ratio": 2, "epochs": 4}


def test_the_command_line_selects_anew_and_adds_ignores_without_a_reason() -> None:
    settings = RuleSettings(select=("RUN003",), ignore={"RUN034": "why"}).with_command_line(
        select=["RUN"], ignore=["RUN003", "RUN034"]
    )
    assert settings.select == ("RUN",)
    assert settings.ignored("RUN034", "noisy-validation", "a.csv") == "why"
    assert settings.ignored("RUN003", "loss-diverged", "a.csv")


def test_a_rule_that_does_not_exist_is_named_with_the_nearest() -> None:
    for settings in (RuleSettings(select=("loss-divergd",)), RuleSettings(params={"loss-divergd": {}})):
        with pytest.raises(UserError, match="did you mean 'loss-diverged'"):
            settings.check(RULES)
    with pytest.raises(UserError, match="did you mean 'RUN034'"):
        RuleSettings(per_path_ignores={"a": {"RUN035": "x"}}).check(RULES)


def test_a_threshold_must_exist_and_be_of_its_kind() -> None:
    RuleSettings(params={"RUN003": {"ratio": 3}}).check(RULES)
    for params, words in (
        ({"ratios": 3}, "did you mean 'ratio'"),
        ({"ratio": "x"}, "like 2.0"),
        ({"ratio": True}, "like"),
    ):
        with pytest.raises(UserError, match=words):
            RuleSettings(params={"RUN003": params}).check(RULES)


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("runs/a/log.csv", "runs", True),
        ("runs/a/log.csv", "log.csv", True),
        ("runs/a/log.csv", "*.csv", True),
        ("runs/a/log.csv", "runs/*", True),
        ("runs/a/log.csv", "runs/*.csv", False),
        ("runs/a/log.csv", "runs/**/*.csv", True),
        ("runs/log.csv", "runs/**/*.csv", True),
        ("runs/a/log.csv", "a/log.csv", False),
        ("runs/a/log.csv", "**/a/log.csv", True),
        ("runs/a/log.csv", "runs/?/log.csv", True),
        ("runs/[a]/log.csv", "runs/[a]/*", True),
        ("runs/a/log.csv", "run", False),
    ],
)
def test_globs_name_logs_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, pattern: str, expected: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lies_under(path, pattern, tmp_path) is expected
    assert lies_under(tmp_path / path, pattern, tmp_path) is expected


def test_globs_are_relative_to_the_configuration_and_not_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path / "runs")
    assert lies_under("a/log.csv", "runs/a/*", tmp_path)
    assert lies_under("../runs/a/log.csv", "runs/a/*", tmp_path)


def test_every_shipped_rule_can_be_named() -> None:
    RuleSettings(select=tuple(rule.name for rule in load_rules())).check(load_rules())


def test_folders_of_rules_are_relative_to_the_configuration_and_each_counts_once(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    (tmp_path / "cvadvisor.toml").write_text('rules = ["mine", "ours"]\n')
    found = find_config(inner).rules.with_command_line([tmp_path / "a" / ".." / "mine", tmp_path / "more"])
    assert [folder.resolve().name for folder in found.folders] == ["mine", "ours", "more"]


def test_a_rule_gets_the_severity_and_thresholds_that_are_wanted_and_keeps_the_others() -> None:
    settings = RuleSettings(severities={"RUN003": "info"}, params={"RUN": {"ratio": 9}})
    adjusted = [settings.adjusted(rule) for rule in RULES]
    assert [rule.params for rule in adjusted] == [{"ratio": 9, "epochs": 3}, {}]
    assert adjusted[0].severity == "info"
    assert adjusted[1] == RULES[1]


def test_a_rule_is_left_out_with_its_reason() -> None:
    settings = RuleSettings(select=("RUN",), ignore={"RUN034": "why"}, per_path_ignores={"old": {"RUN003": "kept"}})
    assert settings.left_out(RULES[1]) == "why"
    assert settings.left_out(RULES[0]) is None
    assert settings.left_out(RULES[0], "data", "old/log.csv") == "kept"
    assert "selected" in (settings.left_out(a_rule("DAT001", "a-leak")) or "")
