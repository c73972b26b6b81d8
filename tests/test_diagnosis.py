import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from cvadvisor.diagnosis import DiagnosisError, from_json, json_schema, to_json
from tests.samples import dataset_facts, diagnosis

SCHEMA_FILE = Path(__file__).parent.parent / "docs" / "audit.schema.json"


def saved(folder: Path, **changes: object) -> Path:
    """A valid audit.json with some of its top-level keys replaced; ``None`` leaves a key out."""
    content = json.loads(to_json(diagnosis())) | changes
    file = folder / "audit.json"
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return file


def test_a_diagnosis_survives_being_written_and_read(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(to_json(diagnosis()), encoding="utf-8")
    assert from_json(tmp_path / "audit.json") == diagnosis()


def test_a_diagnosis_that_was_read_is_written_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(to_json(diagnosis()), encoding="utf-8")
    assert to_json(from_json(tmp_path / "audit.json")) == to_json(diagnosis())


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_a_diagnosis_fits_the_schema() -> None:
    jsonschema.validate(json.loads(to_json(diagnosis())), json_schema(), jsonschema.Draft202012Validator)


def test_a_diagnosis_without_a_recipe_fits_the_schema() -> None:
    bare = diagnosis(advice=None, curves=(), thumbnails=())
    jsonschema.validate(json.loads(to_json(bare)), json_schema(), jsonschema.Draft202012Validator)


def test_the_schema_refuses_what_is_no_diagnosis() -> None:
    wrong = json.loads(to_json(diagnosis())) | {"findings": "none"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json_schema(), jsonschema.Draft202012Validator)


def test_the_published_schema_is_the_generated_one() -> None:
    again = "it is out of date: python -m cvadvisor.diagnosis > docs/audit.schema.json"
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema(), again


def test_the_command_that_regenerates_the_schema_prints_it() -> None:
    printed = subprocess.run([sys.executable, "-m", "cvadvisor.diagnosis"], capture_output=True, text=True, check=True)
    assert printed.stdout == SCHEMA_FILE.read_text(encoding="utf-8")


def test_every_field_in_the_schema_is_described() -> None:
    models = {"Diagnosis": json_schema(), **json_schema()["$defs"]}
    bare = [f"{name}.{field}" for name, model in models.items() for field, value in model.get("properties", {}).items()
            if "description" not in value]  # fmt: skip
    assert not bare


@pytest.mark.parametrize("worst", ["error", "warning", "info"])
def test_the_worst_finding_decides_how_bad_it_is(worst: str) -> None:
    order = ["error", "warning", "info"]
    kept = tuple(f for f in diagnosis().findings if order.index(f.severity) >= order.index(worst))
    assert diagnosis(findings=kept[::-1]).worst == worst


def test_without_findings_nothing_is_bad() -> None:
    assert diagnosis(findings=()).worst is None


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiagnosisError, match=r"nope\.json cannot be read: No such file"):
        from_json(tmp_path / "nope.json")


def test_a_folder_is_no_diagnosis(tmp_path: Path) -> None:
    with pytest.raises(DiagnosisError, match="cannot be read: Is a directory"):
        from_json(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"[]", b"null", b"{}", b"\xff\xfe\x00", b'{"a": 1', b"[" * 100_000, b'"schema_version"'],
    ids=["empty", "text", "list", "null", "object", "not UTF-8", "cut off", "nested", "string"],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "audit.json").write_bytes(content)
    with pytest.raises(DiagnosisError, match=r"is not an audit\.json of cvadvisor"):
        from_json(tmp_path / "audit.json")


@pytest.mark.parametrize("version", ["2", "0", 1, [], {}])
def test_another_version_is_refused_with_both_versions(tmp_path: Path, version: object) -> None:
    with pytest.raises(DiagnosisError, match=r"has schema version .*; this cvadvisor reads '1'"):
        from_json(saved(tmp_path, schema_version=version))


def test_a_field_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiagnosisError, match=r"not a valid audit\.json: inputs"):
        from_json(saved(tmp_path, inputs=3))


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiagnosisError, match=r"not a valid audit\.json: findings"):
        from_json(saved(tmp_path, findings=None))


def test_an_unknown_field_is_refused_rather_than_dropped(tmp_path: Path) -> None:
    with pytest.raises(DiagnosisError, match="surprise"):
        from_json(saved(tmp_path, surprise=True))


def test_a_number_that_is_not_finite_never_gets_into_a_diagnosis() -> None:
    with pytest.raises(ValueError, match="finite"):
        dataset_facts(imbalance_ratio=float("nan"))


def test_a_diagnosis_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        diagnosis().interrupted = True  # type: ignore[misc]
