import os
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset import store as storing
from cvadvisor.inspect.dataset.cache import cache_path, with_store
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.store import Store
from tests.inspect.dataset.disk import listed, make

NAMES = [f"{label}/{number}.png" for label in "ab" for number in range(20)]


def scanned_images(root: Path, store: Store) -> tuple[int, int]:
    """How many images were looked at now, and how many are known."""
    listed(root, store)
    totals = [0]
    scan(root, store, "image", lambda done, total: totals.append(total))
    return totals[-1], store.one("SELECT count(*) FROM main.look WHERE error IS NULL")


def audit(root: Path, folder: Path | None, use: bool = True) -> tuple[tuple[int, int], list[str]]:
    (done, store), notes = with_store(root, folder, use, lambda store: (scanned_images(root, store), store))
    store.connection.close()
    return done, notes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "data", NAMES)


def test_a_second_audit_looks_at_nothing_again(root, tmp_path):
    assert audit(root, tmp_path / "cache") == ((40, 40), [])
    assert audit(root, tmp_path / "cache") == ((0, 40), [])


def test_without_a_cache_nothing_is_written(root, tmp_path):
    assert audit(root, tmp_path / "cache", use=False) == ((40, 40), [])
    assert not (tmp_path / "cache").exists()


def test_the_store_stays_open_for_what_was_done_with_it(root, tmp_path):
    store, _ = with_store(root, tmp_path / "cache", True, lambda store: store)
    assert store.one("SELECT count(*) FROM main.look") == 0
    store.connection.close()


def test_the_store_is_closed_when_the_work_fails(root, tmp_path):
    stores = []

    def fail(store: Store) -> None:
        stores.append(store)
        raise ValueError("no such dataset")

    with pytest.raises(ValueError, match="no such dataset"):
        with_store(root, tmp_path / "cache", True, fail)
    with pytest.raises(sqlite3.ProgrammingError):
        stores[0].one("SELECT 1")


def test_each_dataset_has_a_cache_of_its_own_however_it_is_spelt(root, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    paths = {cache_path(path, tmp_path) for path in (root, tmp_path / "link", Path("data"), root / ".." / "data")}
    assert len(paths) == 1
    assert cache_path(tmp_path, tmp_path) not in paths


def test_the_users_cache_folder_is_the_default(root, tmp_path, monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    path = cache_path(root, None)
    assert tmp_path in path.parents
    assert "cvadvisor" in str(path)


@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
def test_only_the_user_may_enter_the_cache(root, tmp_path):
    audit(root, tmp_path / "cache")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"this is no database" * 100, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_cache_is_built_anew(root, tmp_path, content):
    path = cache_path(root, tmp_path)
    path.write_bytes(content)
    done, notes = audit(root, tmp_path)
    assert done == (40, 40)
    assert len(notes) == (1 if content else 0)
    assert audit(root, tmp_path) == ((0, 40), [])


def test_a_truncated_cache_is_built_anew_with_a_note(root, tmp_path):
    audit(root, tmp_path)
    path = cache_path(root, tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done, notes = audit(root, tmp_path)
    assert done == (40, 40)
    assert len(notes) == 1
    assert "damaged" in notes[0]
    assert "\n" not in notes[0]


@pytest.mark.parametrize("page", range(1, 12))
def test_whatever_page_is_damaged_the_audit_ends_well(root, tmp_path, page):
    audit(root, tmp_path)
    path = cache_path(root, tmp_path)
    data = bytearray(path.read_bytes())
    data[page * 4096 : page * 4096 + 600] = b"\xa5" * 600
    path.write_bytes(data)
    (_, known), notes = audit(root, tmp_path)
    assert known == 40
    assert len(notes) <= 1


def test_damage_that_shows_late_has_the_work_done_again(root, tmp_path):
    calls = []

    def work(store: Store) -> str:
        calls.append(store)
        listed(root, store)
        if len(calls) == 1:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        return "done"

    result, notes = with_store(root, tmp_path, True, work)
    assert (result, len(calls), len(notes)) == ("done", 2, 1)


def test_a_mistake_of_ours_is_not_taken_for_damage(root, tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        with_store(root, tmp_path, True, lambda store: store.one("SELECT 1 FROM absent"))


def test_a_folder_that_cannot_be_made_is_a_note(root, tmp_path):
    (tmp_path / "file").write_text("")
    done, notes = audit(root, tmp_path / "file" / "cache")
    assert done == (40, 40)
    assert len(notes) == 1
    assert "nothing was kept" in notes[0]


def test_a_cache_that_cannot_be_opened_is_a_note(root, tmp_path):
    cache_path(root, tmp_path).mkdir()
    done, notes = audit(root, tmp_path)
    assert done == (40, 40)
    assert len(notes) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_may_not_be_written_is_a_note(root, tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    done, notes = audit(root, folder)
    assert done == (40, 40)
    assert len(notes) == 1


def test_a_cache_without_room_is_a_note(root, tmp_path):
    calls = []

    def work(store: Store) -> tuple[int, int]:
        calls.append(store.path)
        if store.path is not None:
            store.run("PRAGMA max_page_count = 1")
        return scanned_images(root, store)

    done, notes = with_store(root, tmp_path, True, work)
    assert done == (40, 40)
    assert calls[-1] is None
    assert "full" in notes[0]


def test_a_cache_of_another_version_is_thrown_away(root, tmp_path, monkeypatch):
    audit(root, tmp_path)
    monkeypatch.setattr(storing, "_SCAN_VERSION", 0)
    assert audit(root, tmp_path) == ((40, 40), [])


def test_two_audits_at_once_both_end_well(root, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda _: audit(root, tmp_path), range(2)))
    assert [(known, notes) for (_, known), notes in ends] == [(40, []), (40, [])]
    with sqlite3.connect(cache_path(root, tmp_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_scan_that_was_killed_leaves_a_cache_that_goes_on(root, tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from cvadvisor.inspect.dataset import scan as scanning
from cvadvisor.inspect.dataset.cache import with_store
from tests.inspect.dataset.disk import listed
scanning._WRITE_EVERY_S = 0.0
root = Path({str(root)!r})
def work(store):
    listed(root, store)
    scanning.scan(root, store, "image", lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done else None)
with_store(root, Path({str(tmp_path)!r}), True, work)
"""
    source = str(Path(__file__).parents[3])
    killed = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": source}, check=False)
    assert killed.returncode != 0
    (again, known), notes = audit(root, tmp_path)
    assert (known, notes) == (40, [])
    assert 0 < again < 40


def test_rows_of_files_that_are_gone_are_kept_while_they_are_few(root, tmp_path):
    audit(root, tmp_path)
    (root / "a/1.png").unlink()
    audit(root, tmp_path)
    with sqlite3.connect(cache_path(root, tmp_path)) as connection:
        assert connection.execute("SELECT count(*) FROM look").fetchone() == (40,)


def test_rows_of_files_that_are_gone_are_dropped_where_they_are_many(root, tmp_path):
    def work(store: Store) -> None:
        listed(root, store)
        scan(root, store, "image")
        store.run("INSERT INTO main.look (path) SELECT CAST('gone' || value AS BLOB) FROM generate")
        store.run("INSERT INTO main.thumbnail SELECT path, NULL FROM main.look WHERE size IS NULL")

    def fill(store: Store) -> None:
        store.run("CREATE TEMP TABLE generate AS WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 "
                  "FROM n WHERE value < 2000) SELECT value FROM n")  # fmt: skip
        work(store)

    store, _ = with_store(root, tmp_path, True, lambda store: (fill(store), store)[1])
    assert store.one("SELECT count(*) FROM main.look") == 40
    assert store.one("SELECT count(*) FROM main.thumbnail") == 40
    store.connection.close()
