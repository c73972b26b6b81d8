"""Which groupings are believed, what they are used for, and where there is silence."""

import numpy as np
import pytest
from PIL import Image

from cvadvisor.config import Wishes
from cvadvisor.inspect.dataset import groups
from cvadvisor.inspect.dataset.group_candidates import Candidate
from cvadvisor.inspect.dataset.group_evidence import Evidence
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from tests.inspect.dataset.frames import class_of, frame, letters, split_of, write_frames
from tests.inspect.dataset.leaking import SCENE, found_near
from tests.inspect.dataset.making import make

BY_SIGHT = "pictures of one scene"
"""What groups are called that only the search for near-duplicates found."""


def video(scene, number):
    return f"{split_of(number)}/{class_of(scene)}/video{scene:02d}_frame{number:03d}.jpg"


def nameless(scene, number):
    return f"{split_of(number)}/{class_of(scene)}/{letters(scene, number)}.jpg"


def verdicts(group):
    return {one.what: one.verdict for one in group.candidates}


def table_of(root, column="sender", value=lambda scene: f"s{scene}", name=nameless, scenes=16, frames=6, label=False):
    """Write a table of every image and its group beside the images."""
    rows = [
        f"{name(scene, number)},{class_of(scene)},{value(scene)}" if label else f"{name(scene, number)},{value(scene)}"
        for scene in range(scenes)
        for number in range(frames)
    ]
    header = f"image,label,{column}" if label else f"image,{column}"
    (root / "people.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


def test_frames_of_one_video_in_two_splits_are_found_by_their_names(tmp_path, inspected):
    group = inspected(write_frames(tmp_path, video)).facts.group
    assert (group.what, group.certainty, group.groups) == ("file names up to their last number", "confirmed", 16)
    assert (group.shared_validation_images, group.shared_validation_share) == (32, 1.0)
    assert "by chance" in group.evidence
    pair = group.validation_pairs[0]
    assert (pair.group, pair.split_a, pair.split_b, pair.label_a) == ("video00", "validation", "train", "a")
    assert pair.path_a.partition("video")[2][:2] == pair.path_b.partition("video")[2][:2]


def test_videos_that_were_split_as_a_whole_share_nothing(tmp_path, inspected):
    def name(scene, number):
        return f"{'val' if scene >= 12 else 'train'}/{class_of(scene)}/video{scene:02d}_{number}.jpg"

    group = inspected(write_frames(tmp_path, name)).facts.group
    assert (group.certainty, group.shared_validation_images, group.validation_pairs) == ("confirmed", 0, ())
    assert (group.train_groups, group.validation_groups) == (12, 4)


def test_names_that_number_nothing_in_common_are_not_believed(tmp_path, inspected):
    group = inspected(write_frames(tmp_path, video, alike=False)).facts.group
    assert (group.what, group.groups, group.shared_validation_images) == (None, None, None)
    assert verdicts(group)["file names up to their last number"].startswith("not believed")


def test_names_without_structure_are_no_candidates_although_images_look_alike(tmp_path, inspected):
    candidates = inspected(write_frames(tmp_path, nameless)).facts.group.candidates
    assert [one.what for one in candidates if one.what != BY_SIGHT] == []


@pytest.mark.parametrize("name", ["{label}_{n}", "IMG_{n:04d}", "{label} ({n})", "{n}", "{split}-{n:05d}"])
def test_ordinary_numbering_is_no_group(tmp_path, inspected, name):
    def path(scene, number):
        written = name.format(label=class_of(scene), n=6 * scene + number, split=split_of(number))
        return f"{split_of(number)}/{class_of(scene)}/{written}.jpg"

    assert inspected(write_frames(tmp_path, path)).facts.group.what in (None, BY_SIGHT)


def test_folders_below_the_class_are_found(tmp_path, inspected):
    def name(scene, number):
        return f"{split_of(number)}/{class_of(scene)}/patient{scene}/{letters(scene, number)}.jpg"

    group = inspected(write_frames(tmp_path, name)).facts.group
    assert (group.what, group.certainty) == ("folders that name neither a split nor a class", "confirmed")
    assert group.shared_validation_images == 32


def test_folders_that_images_were_dealt_into_are_not_believed(tmp_path, inspected):
    def name(scene, number):
        folder = f"{class_of(scene)}{(scene // 2 + number) % 8}"
        return f"{split_of(number)}/{class_of(scene)}/{folder}/{letters(scene, number)}.jpg"

    assert inspected(write_frames(tmp_path, name, alike=False)).facts.group.groups is None


def test_families_of_one_hash_are_found(tmp_path, inspected):
    def name(scene, number):
        return f"{split_of(number)}/{class_of(scene)}/shot{scene}x_jpg.rf.{scene * 7 + number:032x}.jpg"

    assert inspected(write_frames(tmp_path, name)).facts.group.groups == 16


def test_photos_that_one_camera_took_shortly_after_each_other_are_found(tmp_path, inspected):
    def exif(scene, number):
        made = Image.Exif()
        made[0x0110] = "Cam"
        made.get_ifd(0x8769)[0x9003] = f"2024:01:01 {8 + scene // 4:02d}:{10 * (scene % 4):02d}:{5 * number:02d}"
        return made

    group = inspected(write_frames(tmp_path, nameless, exif=exif)).facts.group
    assert group.what.startswith("EXIF data")
    assert (group.groups, group.certainty, group.shared_validation_share) == (16, "confirmed", 1.0)


def test_a_person_in_several_classes_is_one_group_where_it_shows(tmp_path, inspected):
    def name(scene, number):
        return f"{split_of(number)}/{'abc'[number % 3]}/person{scene:02d}_{number}.jpg"

    group = inspected(write_frames(tmp_path, name)).facts.group
    assert group.groups == 16


def test_a_person_with_one_image_in_each_class_is_one_group(tmp_path, inspected):
    def name(scene, number):
        return f"{split_of(scene + number)}/{'abcdef'[number]}/person{scene:02d}_{letters(scene, number)}.jpg"

    group = inspected(write_frames(tmp_path, name)).facts.group
    assert (group.what, group.groups) == ("file names up to their first separator, in any class", 16)


def test_one_name_in_several_classes_is_several_groups_where_nothing_shows_otherwise(tmp_path, inspected):
    def name(scene, number):
        return f"{split_of(number)}/{class_of(scene)}/scan{scene // 2:02d}_{number}.jpg"

    group = inspected(write_frames(tmp_path, name)).facts.group
    assert group.groups == 16
    assert group.validation_pairs[0].group == "a: scan00"


def test_a_column_of_a_table_without_labels_is_joined_to_any_layout(tmp_path, inspected):
    dataset = inspected(table_of(write_frames(tmp_path, nameless)))
    group = dataset.facts.group
    assert dataset.facts.layout.startswith("class folders")
    assert (group.what, group.certainty, group.groups) == ("the column 'sender' of people.csv", "confirmed", 16)


def test_a_column_that_the_user_names_is_believed_whatever_it_looks_like(tmp_path, inspected):
    root = table_of(write_frames(tmp_path, nameless, alike=False), column="who")
    assert inspected(root).facts.group.groups is None
    group = inspected(root, group_column="WHO").facts.group
    assert (group.certainty, group.groups, group.shared_validation_images) == ("named", 16, 32)
    assert "no more alike" in group.evidence


def test_a_column_of_the_label_table_can_be_named(tmp_path, inspected):
    root = table_of(write_frames(tmp_path, nameless), column="who", label=True)
    assert inspected(root, group_column="who").facts.group.what == "the column 'who'"


def test_a_column_of_places_needs_images_that_look_alike(tmp_path, inspected):
    root = table_of(write_frames(tmp_path, nameless, alike=False), column="camera")
    assert inspected(root).facts.group.groups is None


def test_a_column_of_persons_is_believed_without_much_evidence_and_said_to_be_likely(tmp_path, inspected):
    root = table_of(write_frames(tmp_path, nameless, alike=False), column="patient_id")
    assert inspected(root).facts.group.certainty == "likely"


def test_a_column_that_no_table_has_is_refused(tmp_path, inspected):
    with pytest.raises(DatasetError, match=r"people\.csv has no column 'nonsense'"):
        inspected(table_of(write_frames(tmp_path, nameless)), group_column="nonsense")
    with pytest.raises(DatasetError, match="has no table that names its images and has a column 'nonsense'"):
        inspected(tmp_path, group_column="nonsense", layout="class-folders")


def test_every_inference_can_be_denied(tmp_path, inspected):
    root = table_of(write_frames(tmp_path, video), name=video)
    dataset = inspected(root, group_column="none")
    assert (dataset.facts.group.groups, dataset.facts.group.candidates) == (None, ())
    assert dataset.files.store.one("SELECT count(grouping) FROM temp.sample") == 0


@pytest.mark.parametrize(("sizes", "certainty"), [([4] * 20 + [60] + [4] * 20, "likely"), ([60] * 8, None)])
def test_images_of_large_groups_have_to_be_more_alike_only_where_most_are_in_one(sizes, certainty):
    members = np.repeat(np.arange(len(sizes)), sizes)
    candidate = Candidate("inferred", "names", members, str)
    weak = Evidence(likeness=0.27, by_chance=0.02, p=0.001, pairs=1_000)
    assert groups._verdict(candidate, weak, len(members))[0] == certainty


def test_scenes_need_no_other_evidence_than_that_they_were_compared(tmp_path, inspected, monkeypatch):
    found_near(monkeypatch, (nameless(0, 0), nameless(0, 1), SCENE))
    group = inspected(write_frames(tmp_path, nameless, alike=False)).facts.group
    assert (group.certainty, group.groups) == ("scenes", 1)
    assert "agree" in group.evidence
    assert "no more alike" not in group.evidence


def test_a_pattern_names_groups(tmp_path, inspected):
    group = inspected(write_frames(tmp_path, video), group_pattern=r"(video\d+)_").facts.group
    assert (group.what, group.certainty, group.groups) == (r"the pattern (video\d+)_", "named", 16)
    assert group.validation_pairs[0].group == "video00"


def test_a_pattern_that_matches_nothing_is_refused(tmp_path, inspected):
    with pytest.raises(DatasetError, match="no image's path matches it"):
        inspected(write_frames(tmp_path, video), group_pattern="patient")


def test_a_pattern_says_nothing_of_the_layout(tmp_path, inspected):
    make(tmp_path, ["notes.txt"])
    with pytest.raises(DatasetError, match="Also read"):
        inspected(tmp_path, group_pattern="a")


def test_believed_groups_stay_on_one_side_of_a_proposed_split(tmp_path, inspected):
    dataset = inspected(write_frames(tmp_path, lambda s, n: f"{class_of(s)}/video{s:02d}_{n}.jpg", scenes=20))
    sides = {}
    for path, split in dataset.files.store.rows("SELECT path, used_as FROM temp.seen"):
        sides.setdefault(path.split(b"_")[0], set()).add(split)
    assert {len(found) for found in sides.values()} == {1}
    assert {next(iter(found)) for found in sides.values()} == {"train", "validation"}
    assert dataset.facts.group.groups == 20


def test_images_that_no_group_joins_keep_their_copies_beside_them(tmp_path, inspected):
    dataset = inspected(write_frames(tmp_path, nameless, alike=False))
    assert dataset.files.store.one("SELECT count(grouping) FROM temp.sample") == 0


def test_the_same_groups_are_found_every_time(tmp_path, inspected):
    root = write_frames(tmp_path, video)
    assert inspected(root).facts.group == inspected(root).facts.group


def test_names_that_are_no_unicode_are_shown_as_escapes(tmp_path, inspected):
    root = write_frames(tmp_path, video)
    try:
        (root / "train/a" / "video\udcff_1.jpg").write_bytes(frame("odd", 1))
        (root / "val/a" / "video\udcff_2.jpg").write_bytes(frame("odd", 2))
    except OSError as error:
        pytest.skip(f"the file system refuses the name: {error}")
    group = inspected(root).facts.group
    assert group.groups == 17
    assert all(one.group.isascii() for one in group.validation_pairs)


def test_wishes_name_columns_unless_they_deny_groups():
    assert Wishes(group_column="none", label_column="y").columns == ("y",)
    assert Wishes(group_column="who").columns == ("who",)
