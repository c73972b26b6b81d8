"""Which images belong together (one person, recording or place), and whether the splits keep them together.

What the user names is believed. Everything else is a candidate that what the images look like has to confirm: numbers
in file names mostly count nothing but files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cvadvisor.config import NO_GROUPS, Wishes
from cvadvisor.facts.groups import GroupCandidate, GroupFacts
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.group_candidates import (
    Candidate,
    Images,
    column_candidates,
    inferred_candidates,
    load_images,
    pattern_candidate,
    scene_candidate,
)
from cvadvisor.inspect.dataset.group_evidence import SHUFFLES, Evidence, drawn, measure, vectors
from cvadvisor.inspect.dataset.group_sharing import sharing_facts
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Reading
from cvadvisor.inspect.dataset.store import Store, to_bytes
from cvadvisor.inspect.printable import printable

_EXAMPLES = 4
# A grouping that means nothing comes this far once in a thousand times.
_LARGEST_P = 0.001
# Likeness that is asked of a column that is called like a group, and of what was only inferred. Photos of one sender
# have 0.18, frames of one video 0.8; kinds of clothing within a class of several kinds have 0.03, digits 0.25 (as
# parts of a class 'even'), but those come in few large groups.
_COLUMN_LIKENESS, _LIKELY, _LIKELY_LARGE, _CONFIRMED = 0.05, 0.15, 0.5, 0.3
_LARGE_GROUP = 50
_FEWEST_GROUPS, _FEWEST_IMAGES, _LEAST_SHARE = 5, 10, 0.01
# Of a coarser grouping, the pairs that the finer one keeps apart need this part of its likeness.
_COARSER = 0.5


@dataclass(frozen=True)
class _Judged:
    """A candidate, and what was seen of it."""

    candidate: Candidate
    evidence: Evidence | None
    certainty: str | None
    """``None`` where it is not believed."""
    verdict: str

    @property
    def score(self) -> float:
        """How much it explains: how alike, of how many images."""
        return (self.evidence.likeness if self.evidence else 0.0) * int((self.candidate.groups >= 0).sum())


def find_groups(files: Files, reading: Reading, wishes: Wishes) -> GroupFacts:
    """Look for groups over all splits, and write those that are believed into ``temp.sample.grouping``.

    Args:
        files: the listing; its store has the view ``seen``.
        reading: how the dataset is read: which column the labels take groups from.
        wishes: the column or pattern that the user named, or that there are no groups.

    Raises:
        DatasetError: the pattern cannot be used, or finds no group in any path; or no table has the column.
    """
    store = files.store
    if wishes.group_column == NO_GROUPS and wishes.group_pattern is None:
        store.run("UPDATE temp.sample SET grouping = NULL WHERE grouping IS NOT NULL")
        return GroupFacts()
    images = load_images(store)
    judged = _judge_all(files, images, reading, wishes)
    believed = _best(store, images, judged)
    _write(store, images, believed.candidate if believed else None)
    facts: dict[str, Any] = {"candidates": tuple(_listed(one, one is believed) for one in judged)}
    if believed:
        facts |= {
            "what": printable(believed.candidate.what),
            "certainty": believed.certainty,
            "evidence": _in_words(believed),
            **sharing_facts(store),
        }
    return GroupFacts(**facts)


def _judge_all(files: Files, images: Images, reading: Reading, wishes: Wishes) -> list[_Judged]:
    store = files.store
    if wishes.group_pattern is not None:
        pattern = pattern_candidate(images, wishes.group_pattern)
        if not (pattern.groups >= 0).any():
            raise DatasetError(f"--group-pattern {printable(wishes.group_pattern)}: no image's path matches it.")
        return [_judge(store, images, pattern)]
    columns = [_judge(store, images, one) for one in column_candidates(files, images, reading, wishes)]
    if wishes.group_column is not None:
        return columns
    inferred = [_judge(store, images, one) for one in inferred_candidates(store, images)]
    scenes = scene_candidate(store, images)
    return [*columns, *inferred, *([_judge(store, images, scenes)] if scenes else [])]


def _judge(store: Store, images: Images, candidate: Candidate) -> _Judged:
    evidence = _evidence(store, images, candidate)
    certainty, verdict = _verdict(candidate, evidence, len(images.files))
    return _Judged(candidate, evidence, certainty, verdict)


def _evidence(store: Store, images: Images, coarse: Candidate, fine: Candidate | None = None) -> Evidence | None:
    """How much alike images of one group are; with ``fine``, of those that it keeps apart."""
    groups = coarse.in_company()
    sample = drawn(groups, images.strata)
    if not len(sample):
        return None
    apart = [] if fine is None else [fine.groups[sample]]
    return measure(vectors(store, images.files[sample]), images.strata[sample], groups[sample], apart)


def _verdict(candidate: Candidate, evidence: Evidence | None, images: int) -> tuple[str | None, str]:
    """How certain a candidate is (``None``: not believed), and why."""
    if candidate.source == "user":
        return "named", "believed: it was named"
    if candidate.source == "scenes":
        return "scenes", "believed: their pictures show one scene"
    sizes = candidate.sizes()
    sizes = np.sort(sizes[sizes > 1])
    together = int(sizes.sum())
    if candidate.source == "inferred" and (
        len(sizes) < _FEWEST_GROUPS or together < max(_FEWEST_IMAGES, _LEAST_SHARE * images)
    ):
        return None, "not believed: too few images come in groups"
    confirmed = evidence is not None and evidence.p <= _LARGEST_P
    likeness = evidence.likeness if evidence and confirmed else 0.0
    if candidate.source == "column":
        if likeness >= _COLUMN_LIKENESS and (candidate.of_people or len(candidate.sizes()) >= 2 * _FEWEST_GROUPS):
            return "confirmed", "believed: its images look alike"
        if likeness >= _COLUMN_LIKENESS or candidate.of_people:
            return "likely", "believed: the column is called so"
        return None, _unconvincing(evidence)
    typical = float(np.repeat(sizes, sizes)[together // 2] if together else 0)
    if typical > _LARGE_GROUP and likeness < _LIKELY_LARGE:
        return None, _unconvincing(evidence)
    if likeness < _LIKELY:
        return None, _unconvincing(evidence)
    return ("confirmed" if likeness >= _CONFIRMED else "likely"), "believed: its images look alike"


def _unconvincing(evidence: Evidence | None) -> str:
    if evidence is None:
        return "not believed: no class and split holds two of its groups to compare"
    if evidence.p > _LARGEST_P:
        return "not believed: its images are no more alike than shuffled ones"
    return "not believed: its images are hardly more alike than others of their class"


def _best(store: Store, images: Images, judged: list[_Judged]) -> _Judged | None:
    """What to believe: what was named, then a column that is confirmed, then what explains most."""
    order = ("user", "column", "inferred", "scenes")
    sure = [one for one in judged if one.certainty in ("named", "confirmed")]
    possible = sure or [one for one in judged if one.certainty is not None]
    if not possible:
        return None
    best = min(possible, key=lambda one: (order.index(one.candidate.source), -one.score))
    return _coarsest(store, images, best, judged) if best.candidate.source == "inferred" else best


def _coarsest(store: Store, images: Images, best: _Judged, judged: list[_Judged]) -> _Judged:
    """A coarser grouping in place of ``best`` where images that ``best`` keeps apart are alike too."""
    coarser = [one.candidate for one in judged if one.candidate.source == "inferred" and one is not best]
    if best.candidate.across_classes is not None:
        coarser.insert(0, best.candidate.across_classes)
    for candidate in coarser:
        if not candidate.holds(best.candidate):
            continue
        evidence = _evidence(store, images, candidate, best.candidate)
        assert best.evidence is not None
        if evidence and evidence.p <= _LARGEST_P and evidence.likeness >= _COARSER * best.evidence.likeness:
            wider = next((one for one in judged if one.candidate is candidate), None)
            replaced = wider or _Judged(candidate, best.evidence, best.certainty, best.verdict)
            if wider is None:
                judged[judged.index(best)] = replaced
            return replaced
    return best


def _write(store: Store, images: Images, candidate: Candidate | None) -> None:
    """Make ``temp.sample.grouping`` what is believed; what the labels named and is not believed is forgotten."""
    if candidate is None or not candidate.is_stored:
        store.run("UPDATE temp.sample SET grouping = NULL WHERE grouping IS NOT NULL")
        if candidate is not None:
            store.connection.executemany("UPDATE temp.sample SET grouping = ? WHERE file = ?", _rows(images, candidate))
    store.run("CREATE INDEX IF NOT EXISTS temp.sample_grouping ON sample (grouping)")


def _rows(images: Images, candidate: Candidate) -> Iterator[tuple[bytes, int]]:
    """Name of the group, and file, of every image that is in a group with others."""
    groups = candidate.in_company()
    members = np.flatnonzero(groups >= 0)
    last, name = -1, b""
    for at in members[np.argsort(groups[members], kind="stable")]:
        if groups[at] != last:
            last, name = groups[at], to_bytes(candidate.name_at(int(at)))
        yield name, int(images.files[at])


def _listed(one: _Judged, believed: bool) -> GroupCandidate:
    candidate, evidence = one.candidate, one.evidence
    sizes = candidate.sizes()
    groups = candidate.in_company()
    firsts = np.unique(groups[groups >= 0], return_index=True)[1][:_EXAMPLES]
    verdict = one.verdict if believed or one.certainty is None else "not needed: another one explains more"
    return GroupCandidate(
        what=printable(candidate.what),
        groups=int((sizes > 1).sum()),
        images=int(sizes[sizes > 1].sum()),
        examples=tuple(printable(candidate.name_at(int(np.flatnonzero(groups >= 0)[at]))) for at in firsts),
        likeness=evidence.likeness if evidence else None,
        likeness_by_chance=evidence.by_chance if evidence else None,
        p=evidence.p if evidence else None,
        verdict=verdict,
    )


def _in_words(believed: _Judged) -> str:
    evidence = believed.evidence
    if believed.certainty == "scenes":  # a few pairs, whose likeness in colours and levels proves nothing either way
        return "Their pictures were laid over each other, and agree."
    if evidence is None:
        return "Nothing could be measured on them: no class and split holds two groups to compare."
    chance = f"{evidence.by_chance:.2f} at most in {SHUFFLES} shuffles"
    if evidence.p > _LARGEST_P:
        return f"Two images of a group look no more alike (correlation {evidence.likeness:.2f}) than by chance."
    return f"Two images of a group look alike (correlation {evidence.likeness:.2f}; by chance {chance}, p ≤ 0.001)."
