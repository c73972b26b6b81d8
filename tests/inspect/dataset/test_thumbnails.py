import base64
import io
import zipfile
from pathlib import Path

from PIL import Image

from cvadvisor.inspect.dataset.archives import members
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.inspect.dataset.thumbnails import MOST, SIDE_PX, thumbnails


def opened(data_uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data_uri.partition(",")[2])))


def test_a_picture_is_small_and_has_the_name_it_was_asked_by(tmp_path: Path) -> None:
    Image.new("RGB", (600, 300), "red").save(tmp_path / "a.png")
    (made,) = thumbnails(tmp_path, {"shown as": Place("a.png")})
    assert made.path == "shown as"
    assert opened(made.data_uri).size == (SIDE_PX, SIDE_PX // 2)


def test_images_in_archives_have_pictures(tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.new("RGB", (600, 300), "red").save(data, "PNG")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", data.getvalue())
    ((place, _),) = members(tmp_path / "a.zip", "", "")
    assert len(thumbnails(tmp_path / "a.zip", {"a.png": place})) == 1


def test_what_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    assert thumbnails(tmp_path, {name: Place(name) for name in ("a.png", "gone.png")}) == ()


def test_there_are_no_more_than_a_report_can_carry(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert len(thumbnails(tmp_path, {str(number): Place("a.png") for number in range(MOST + 9)})) == MOST
