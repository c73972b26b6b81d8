import os
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.scan_pool import File, Pool, Result
from cvadvisor.inspect.dataset.store import Store, to_bytes
from tests.inspect.dataset.disk import encoded, listed, looked, make, name_or_skip, picture

needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signals here")


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(None) as store:
        yield store


def errors(store: Store) -> dict[bytes, str | None]:
    return dict(store.rows("SELECT path, error FROM main.look"))


def test_every_image_has_a_row_with_what_a_look_shows(tmp_path, store):
    root = make(tmp_path, ["a/1.png", "a/2.png", "b/1.png"])
    listed(root, store)
    scan(root, store, "image")
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        seen = looked(root, name)
        row = next(
            store.rows(
                "SELECT width, red, grayscale, content_hash, look_hash FROM main.look WHERE path = ?", to_bytes(name)
            )
        )
        assert row == (seen.width, seen.red, seen.grayscale, seen.content_hash, seen.look_hash)
        assert store.one("SELECT jpeg FROM main.thumbnail WHERE path = ?", to_bytes(name)) == seen.thumbnail


def test_files_that_cannot_be_read_have_a_row_with_the_reason(tmp_path, store):
    root = make(tmp_path, ["a/good.png", "a/gone.png", "a/empty.png", "a/cut.png"])
    (root / "a/empty.png").write_bytes(b"")
    (root / "a/cut.png").write_bytes(encoded(picture(size=(90, 80)))[:2000])
    listed(root, store)
    (root / "a/gone.png").unlink()
    scan(root, store, "image")
    assert errors(store) == {
        b"a/good.png": None,
        b"a/gone.png": "vanished",
        b"a/empty.png": "empty file",
        b"a/cut.png": "truncated",
    }


def test_a_file_that_was_gone_is_looked_at_again(tmp_path):
    root = make(tmp_path / "data", ["a/1.png"])
    data, status = (root / "a/1.png").read_bytes(), (root / "a/1.png").stat()
    for gone in (True, False):
        (root / "a/1.png").write_bytes(data)
        os.utime(root / "a/1.png", ns=(status.st_atime_ns, status.st_mtime_ns))
        with Store(tmp_path / "cache.sqlite") as store:
            listed(root, store)
            if gone:
                (root / "a/1.png").unlink()
            scan(root, store, "image")
            assert errors(store) == {b"a/1.png": "vanished" if gone else None}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path, store):
    root = make(tmp_path, ["a/1.png"])
    (root / "a/1.png").chmod(0)
    listed(root, store)
    scan(root, store, "image")
    assert errors(store) == {b"a/1.png": "no permission"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_file_that_became_a_pipe_does_not_hang(tmp_path, store):
    root = make(tmp_path, ["a/1.png"])
    listed(root, store)
    (root / "a/1.png").unlink()
    os.mkfifo(root / "a/1.png")
    scan(root, store, "image")
    assert errors(store) == {b"a/1.png": "not a regular file"}


def test_names_that_are_no_utf_8_are_scanned(tmp_path, store):
    folder = name_or_skip(tmp_path, b"caf\xe9")
    (folder / os.fsdecode(b"\xff\n.png")).write_bytes(encoded(picture()))
    listed(tmp_path, store)
    scan(tmp_path, store, "image")
    assert errors(store) == {b"caf\xe9/\xff\n.png": None}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_images_in_an_archive_are_read_in_place(tmp_path, store, kind):
    root = make(tmp_path / "data", ["a/1.png", "b/2.png"])
    archive = tmp_path / f"data.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in ("a/1.png", "b/2.png"):
                packed.write(root / name, name)
    else:
        with tarfile.open(archive, "w") as packed_tar:
            packed_tar.add(root, ".")
    listed(archive, store)
    scan(archive, store, "image")
    hashes = {hash_ for (hash_,) in store.rows("SELECT content_hash FROM main.look")}
    assert hashes == {looked(root, "a/1.png").content_hash, looked(root, "b/2.png").content_hash}


def test_large_images_are_looked_at_too(tmp_path, store):
    from PIL import Image

    root = make(tmp_path, ["a/1.png", "a/3.png"])
    Image.new("1", (6_000, 6_000), 1).save(root / "a/2.png")
    listed(root, store)
    seen: list[tuple[int, int]] = []
    scan(root, store, "image", lambda done, total: seen.append((done, total)))
    assert errors(store) == {b"a/1.png": None, b"a/2.png": None, b"a/3.png": None}
    assert seen[-1] == (3, 3)


def test_progress_rises_and_ends_at_all(tmp_path, store):
    root = make(tmp_path, [f"a/{number}.png" for number in range(120)])
    listed(root, store)
    seen: list[tuple[int, int]] = []
    scan(root, store, "image", lambda done, total: seen.append((done, total)))
    assert seen[-1] == (120, 120)
    assert seen == sorted(seen)


def test_what_is_known_is_not_looked_at_again(tmp_path):
    root = make(tmp_path / "data", [f"a/{number}.png" for number in range(5)])
    totals: list[list[int]] = []
    for change in (None, None, "a/3.png"):
        if change:
            (root / change).write_bytes(encoded(picture("another")))
        with Store(tmp_path / "cache.sqlite") as store:
            listed(root, store)
            totals.append([])
            scan(root, store, "image", lambda done, total: totals[-1].append(total))
    assert [set(seen) for seen in totals] == [{5}, set(), {1}]


def test_a_changed_file_has_its_new_row(tmp_path):
    root = make(tmp_path / "data", ["a/1.png"])
    for size in ((12, 10), (30, 20)):
        (root / "a/1.png").write_bytes(encoded(picture(size=size)))
        with Store(tmp_path / "cache.sqlite") as store:
            listed(root, store)
            scan(root, store, "image")
            assert list(store.rows("SELECT width, height FROM main.look")) == [size]


def test_an_interrupted_scan_keeps_what_is_done_and_goes_on_there(tmp_path):
    root = make(tmp_path / "data", [f"a/{number}.png" for number in range(400)])

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with Store(tmp_path / "cache.sqlite") as store:
        listed(root, store)
        with pytest.raises(KeyboardInterrupt):
            scan(root, store, "image", interrupt)
        kept = store.one("SELECT count(*) FROM main.look")
    assert 0 < kept < 400
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scan")]
    with Store(tmp_path / "cache.sqlite") as store:
        listed(root, store)
        totals = []
        scan(root, store, "image", lambda done, total: totals.append(total))
        assert set(totals) == {400 - kept}
        assert store.one("SELECT count(*) FROM main.look WHERE error IS NULL") == 400


def test_masks_are_looked_at_once_each(tmp_path, store):
    root = make(tmp_path, ["images/1.png", "images/2.png", "masks/1.png"])
    files = Files(root, store)
    assert files.has("masks/1.png")
    store.run(
        "INSERT INTO temp.sample SELECT id, 'train', NULL, NULL, (SELECT id FROM temp.file WHERE path = ?) "
        "FROM temp.file WHERE folder = ?",
        b"masks/1.png",
        b"images",
    )
    scan(root, store, "mask")
    assert list(store.rows("SELECT path, error, width FROM main.mask_look")) == [(b"masks/1.png", None, 12)]


def test_candidates_are_decoded_for_their_pixels(tmp_path, store):
    root = make(tmp_path, ["a/1.png"])
    (root / "a/1.bmp").write_bytes(encoded(picture("a/1.png"), "BMP"))
    (root / "a/2.png").write_bytes(b"no image")
    listed(root, store)
    store.run("CREATE TEMP TABLE candidate AS SELECT file FROM temp.sample")
    scan(root, store, "pixels")
    digests = dict(store.rows("SELECT path, digest FROM main.pixel_look"))
    assert digests[b"a/1.png"] == digests[b"a/1.bmp"] is not None
    assert digests[b"a/2.png"] is None


def files_of(root: Path, names: list[str]) -> list[File]:
    return [File(to_bytes(name), 0, 0, Place(name)) for name in make(root, names) and names]


def results_of(pool: Pool) -> list[Result]:
    found: list[Result] = []
    while pool.under_way:
        found += pool.take()
    return found


def warm(pool: Pool, files: list[File]) -> None:
    """Have the worker started and idle."""
    pool.put(files[:1], False)
    results_of(pool)


@needs_signals
def test_an_image_that_hangs_its_decoder_is_an_error(tmp_path):
    files = files_of(tmp_path, ["1.png", "2.png"])
    with Pool(tmp_path, "image", 1, limit_s=1.0) as pool:
        warm(pool, files)
        os.kill(pool.processes[0], signal.SIGSTOP)
        pool.put(files[:1], False)
        assert results_of(pool) == [(files[0], "took longer than 1 s")]
        pool.put(files[1:], False)
        assert isinstance(results_of(pool)[0][1], list)


@needs_signals
def test_an_image_that_crashes_its_decoder_is_an_error(tmp_path):
    files = files_of(tmp_path, ["1.png"])
    with Pool(tmp_path, "image", 1, limit_s=30.0) as pool:
        warm(pool, files)
        os.kill(pool.processes[0], signal.SIGSTOP)
        pool.put(files, False)
        os.kill(pool.processes[0], signal.SIGKILL)
        assert results_of(pool) == [(files[0], "crashed the decoder")]


@needs_signals
def test_the_other_images_of_a_request_are_looked_at_when_a_worker_dies(tmp_path):
    files = files_of(tmp_path, ["1.png", "2.png", "3.png"])
    with Pool(tmp_path, "image", 1, limit_s=30.0) as pool:
        warm(pool, files)
        os.kill(pool.processes[0], signal.SIGSTOP)
        pool.put(files, False)
        os.kill(pool.processes[0], signal.SIGKILL)
        found = results_of(pool)
    assert [file for file, _ in found] == files
    assert all(isinstance(values, list) for _, values in found)


@needs_signals
def test_a_worker_that_is_killed_in_the_middle_costs_no_image(tmp_path):
    files = files_of(tmp_path, [f"{number}.png" for number in range(200)])
    with Pool(tmp_path, "image", 2, limit_s=30.0) as pool:
        for start in range(0, 200, 10):
            pool.put(files[start : start + 10], False)
        found: list[Result] = []
        while pool.under_way:
            found += pool.take()
            if len(found) == 50:
                os.kill(pool.processes[0], signal.SIGKILL)
    assert sorted(file.path for file, _ in found) == sorted(file.path for file in files)
    assert sum(isinstance(values, list) for _, values in found) >= 199


def ends(process: int) -> bool:
    """Whether a process ends within a minute."""
    for _ in range(600):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/stat")  # where nobody collects it, a process that ended stays as a zombie
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def run_script(folder: Path, text: str) -> "subprocess.Popen[str]":
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text))
    source = str(Path(__file__).parents[3])
    return subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": source}
    )


@needs_signals
def test_workers_end_when_their_parent_is_killed(tmp_path):
    make(tmp_path, ["1.png"])
    parent = run_script(
        tmp_path,
        f"""
        import time
        from pathlib import Path
        from cvadvisor.inspect.dataset.places import Place
        from cvadvisor.inspect.dataset.scan_pool import File, Pool
        with Pool(Path({str(tmp_path)!r}), "image", 1, 30.0) as pool:
            pool.put([File(b"1.png", 0, 0, Place("1.png"))], False)
            pool.take()
            print(pool.processes[0], flush=True)
            time.sleep(600)
        """,
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert ends(worker)


def test_a_script_without_a_main_guard_can_scan(tmp_path):
    make(tmp_path / "data", ["a/1.png"])
    process = run_script(
        tmp_path,
        f"""
        from pathlib import Path
        from cvadvisor.inspect.dataset.scan import scan
        from cvadvisor.inspect.dataset.store import Store
        from tests.inspect.dataset.disk import listed
        root = Path({str(tmp_path / "data")!r})
        with Store(None) as store:
            listed(root, store)
            scan(root, store, "image")
            print(store.one("SELECT count(*) FROM main.look WHERE error IS NULL"))
        """,
    )
    assert process.communicate(timeout=120)[0] == "1\n"


def test_no_code_from_the_current_folder_is_run(tmp_path, store, monkeypatch):
    root = make(tmp_path / "data", ["a/1.png"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("json", "numpy", "simplejpeg", "sitecustomize", "usercustomize"):
        (elsewhere / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    listed(root, store)
    scan(root, store, "image")
    assert errors(store) == {b"a/1.png": None}
    assert not (tmp_path / "ran").exists()


def test_workers_import_nothing_heavy():
    code = (
        "import sys; from cvadvisor.inspect.dataset import scan_worker as worker; "
        "[worker._work(kind) for kind in ('image', 'mask', 'pixels')]; "
        "print({'torch', 'pydantic', 'pandas', 'multiprocessing', 'scipy'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
