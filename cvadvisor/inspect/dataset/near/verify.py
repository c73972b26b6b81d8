"""Which guesses are right: each pair is aligned and compared, coarsely first, and ever more finely while it holds."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from cvadvisor.facts.leaks import CHANGED, SCENE, SIMILAR
from cvadvisor.inspect.dataset.components import Components
from cvadvisor.inspect.dataset.near.agreement import (
    SCALES_PX,
    Agreement,
    agreement,
    colour_difference,
    correlation,
    detail,
    in_gray_and_colour,
)
from cvadvisor.inspect.dataset.near.alignment import Array, follow_affine, follow_homography, halve, lay_over
from cvadvisor.inspect.dataset.near.candidates import Guesses
from cvadvisor.inspect.dataset.near.pictures import Pictures
from cvadvisor.inspect.dataset.scan import cores


@dataclass(frozen=True)
class _Bounds:
    """What two pictures of the same image need, where their colours differ, are alike, or the same, at 128, 64, 32 px.

    That is a correlation of detail that no two different photos reached; or, where text or a border hides some blocks,
    one of the three in five that agree best, beside a lower one of everything. See benchmarks/README.md.
    """

    whole: Array
    blocks: Array
    blocks_whole: Array

    def passed(self, whole: Array, blocks: Array, colours: Array, levels: Array) -> Array:
        """Whether each pair has what its colours and its scale ask for."""
        partly = (blocks >= self.blocks[colours, levels]) & (whole >= self.blocks_whole[colours, levels])
        return np.asarray((whole >= self.whole[colours, levels]) | partly)


_SAME = _Bounds(
    whole=np.array([(0.915, 0.955, 0.985), (0.82, 0.9, 0.96), (0.8, 0.9, 0.94)]),
    blocks=np.array([(0.955, 0.98, 0.995), (0.93, 0.96, 0.985), (0.88, 0.93, 0.98)]),
    blocks_whole=np.array([(0.6, 0.7, 0.8), (0.6, 0.7, 0.8), (0.5, 0.6, 0.7)]),
)
# What is enough where detail is spread over so many of the 64 blocks: much agrees that need not.
_SPREAD = np.array([26, 26, 32])
_SAME_SPREAD = _Bounds(
    whole=np.array([(0.915, 0.955, 0.955), (0.78, 0.85, 0.93), (0.78, 0.82, 0.92)]),
    blocks=np.array([(0.955, 0.98, 0.985), (0.925, 0.95, 0.97), (0.86, 0.9, 0.97)]),
    blocks_whole=np.array([(0.6, 0.7, 0.88), (0.6, 0.75, 0.75), (0.45, 0.65, 0.7)]),
)
# One edge, as between sky and sea, is soon laid over another: it must lie where the other does.
_ONE_EDGE = 12
# Colours of copies are 0.1 to 1.6 levels of 255 apart, those of two photos of different things 1.5 to 60.
_COLOURS_ALIKE, _COLOURS_SAME, _COLOURS_SHARE = 2.5, 1.4, 0.3
_SAME_COLOURS = 2
# So many blocks of 64 need detail, or two pictures of one edge or one shape on nothing would agree; small gray
# pictures, such as digits, need more of it.
_TEXTURED, _SMALL_TEXTURED = 24, 48
# Where this share of all pictures would be one image, they share a layout (forms, screens): only pictures that agree
# nearly pixel by pixel count.
_LAYOUT_SHARE, _LAYOUT_PICTURES, _LAYOUT_WHOLE, _IN_PLACE = 0.1, 20, 0.98, 0.03
_SCENE_SHARE = 0.5
# Photos of one session have the colours, and most of the backdrop and the outlines.
_SCENE_WHOLE, _SCENE_BLOCKS = 0.6, 0.75
_SIMILAR_COSINE = 0.8

# What a pair of pictures, and of small ones, needs once it was aligned at 16 and at 32 px, and then at 64 px (small
# pictures: 32) to be looked at closely.
_AT_16_PX, _AT_32_PX = (0.2, 0.65), (0.4, 0.5)
_FINER_WHOLE, _FINER_BLOCKS = (0.72, 0.9), (0.82, 0.95)
_LEAST_OVERLAP = 0.3
# Pixels that both pictures need in what they share, for a scale to tell anything.
_NATIVE_PX = (90, 45)
_COARSE_BATCH, _FINE_BATCH = 128, 32
_FEWEST_IN_COMMON, _MOST_IN_COMMON = 200, 400
# Guesses are compared the most alike first. So many always are; more while of the last batches this share looks right.
_ENOUGH, _ENOUGH_A_PICTURE = 6_000, 0.1
_RECENT, _WORTH_GOING_ON, _MOST_TIMES = 16, 0.01, 20
_STRONG = (0.9, 0.95)


@dataclass(frozen=True)
class Matches:
    """What became of guesses that were compared; rows belong together."""

    first: Array
    second: Array
    maps: Array
    tier: list[str]
    score: Array
    """0 to 1: correlation of the detail, over everything or over the blocks that agree best."""
    partly: Array
    """Whether only parts of what both show agree: something lies over the others."""
    recoloured: Array
    """Whether the colours differ."""
    brightness: Array
    """Mean gray level of the second picture over that of the first, of what both show."""


def verify(
    pictures: Pictures,
    guesses: Guesses,
    scan_details: Callable[[], None],
    told: Callable[[int, int], None],
) -> Matches:
    """Compare the pictures of each guess.

    Args:
        pictures: all of them.
        guesses: which to compare.
        scan_details: fetches details of the files in the table ``wanted``.
        told: called with how many guesses were looked at, and how many there are.
    """
    kept, maps = _coarsely(pictures, guesses, told)
    guesses = Guesses(guesses.first[kept], guesses.second[kept], maps, guesses.cosine[kept])
    if len(guesses):
        pictures.want_details(np.concatenate([guesses.first, guesses.second]), scan_details)
    return _finely(pictures, guesses)


def _coarsely(pictures: Pictures, guesses: Guesses, told: Callable[[int, int], None]) -> tuple[Array, Array]:
    """Rows of the guesses that hold at 64 px, and their maps."""

    def load(some: Array) -> tuple[Array, ...]:
        return some, pictures.thumbnails(guesses.first[some]), pictures.thumbnails(guesses.second[some])

    def compare(some: Array, first: Array, second: Array) -> list[tuple[Array, Array, int]]:
        first, second = first.astype(np.float32), second.astype(np.float32)
        half, other_half = halve(first), halve(second)
        maps = follow_affine(halve(half), halve(other_half), guesses.maps[some], 3)
        small = _level(pictures, guesses.first[some], guesses.second[some], maps) == 2
        good = _roughly_alike(half, other_half, maps, np.array(_AT_16_PX)[small.astype(int)])
        if not len(good):
            return []
        some, maps, small, half, other_half = some[good], maps[good], small[good], half[good], other_half[good]
        maps = follow_affine(half, other_half, maps, 3)
        first, second = first[good], second[good]
        good = _roughly_alike(first, second, maps, np.array(_AT_32_PX)[small.astype(int)])
        large, small = good[~small[good]], good[small[good]]
        return [
            _held(pictures, guesses, some[large], first[large], second[large], maps[large], small=False),
            _held(pictures, guesses, some[small], half[small], other_half[small], maps[small], small=True),
        ]

    enough = _ENOUGH + _ENOUGH_A_PICTURE * len(pictures)
    done, found = 0, []
    recent: deque[int] = deque(maxlen=_RECENT)
    for held in _on_all_cores(compare, map(load, _batches(np.arange(len(guesses)), _COARSE_BATCH))):
        found += [(rows, maps) for rows, maps, _ in held]
        done += _COARSE_BATCH
        recent.append(sum(strong for _, _, strong in held))
        told(min(done, len(guesses)), len(guesses))
        worth = sum(recent) >= _WORTH_GOING_ON * len(recent) * _COARSE_BATCH
        if done >= _MOST_TIMES * enough or (done >= enough and not worth):
            told(len(guesses), len(guesses))
            break
    if not found:
        return np.zeros(0, np.int64), np.zeros((0, 3, 3), np.float32)
    return np.concatenate([rows for rows, _ in found]), np.concatenate([maps for _, maps in found])


def _roughly_alike(first: Array, second: Array, maps: Array, least: Array) -> Array:
    """Rows of the pairs (n, side, side) whose details correlate so much, where they were aligned at half the size."""
    laid, inside = lay_over(second, maps, first.shape[1])
    seen = inside.astype(np.float32)
    alike = correlation(detail(first), detail(laid), seen) >= least
    return np.flatnonzero(alike & (seen.mean((1, 2)) >= _LEAST_OVERLAP))


def _held(
    pictures: Pictures, guesses: Guesses, some: Array, first: Array, second: Array, maps: Array, *, small: bool
) -> tuple[Array, Array, int]:
    """Rows of the guesses ``some`` that hold at 64 px (small pictures: 32), their maps, and how many hold clearly."""
    if not len(some):
        return some, maps, 0
    maps = follow_homography(first, second, maps, 4)
    agreed = agreement(first, second, maps)
    whole, blocks = agreed.whole[:, 0], agreed.blocks[:, 0]
    good = (whole >= _FINER_WHOLE[small]) | (blocks >= _FINER_BLOCKS[small])
    good &= agreed.overlap >= _LEAST_OVERLAP
    if small:  # in gray, they are compared no more closely than this
        final = pictures.gray[guesses.first[some]] & pictures.gray[guesses.second[some]]
        enough = (whole >= _SAME.whole[0, 2]) | (blocks >= _SAME.blocks[0, 2])
        good &= ~final | (enough & (agreed.textured[:, 0] >= _SMALL_TEXTURED))
    strong = good & ((whole >= _STRONG[0]) | (blocks >= _STRONG[1]))
    return some[good], maps[good], int(strong.sum())


def _level(pictures: Pictures, first: Array, second: Array, maps: Array) -> Array:
    """The finest scale (0 for 128 px, 1, 2) at which both pictures of each pair have pixels enough."""
    shorter = pictures.sizes.min(1)
    part = np.sqrt(np.abs(np.linalg.det(maps[:, :2, :2].astype(np.float64))))
    pixels = np.minimum(shorter[first], shorter[second] * part)
    return np.where(pixels >= _NATIVE_PX[0], 0, np.where(pixels >= _NATIVE_PX[1], 1, 2))


def _finely(pictures: Pictures, guesses: Guesses) -> Matches:
    """Compare at the finest scale there is, in colour too, and say what each pair is."""
    levels = _level(pictures, guesses.first, guesses.second, guesses.maps)
    maps = guesses.maps.copy()
    whole = np.full((len(guesses), len(SCALES_PX)), -1.0)
    blocks, textured, spread = whole.copy(), whole.copy(), whole.copy()
    colour = np.full((len(guesses), 2), np.inf)
    brightness = np.ones(len(guesses))

    common = _in_common(pictures, guesses)

    def load(some: Array) -> tuple[Array, ...]:
        return some, pictures.details(guesses.first[some]), pictures.details(guesses.second[some])

    def compare(some: Array, first: Array, second: Array) -> tuple[Array, Array, Agreement, tuple[Array, Array]]:
        (first, first_colour), (second, second_colour) = in_gray_and_colour(first), in_gray_and_colour(second)
        if levels[some[0]] > 0:
            first, second = halve(first), halve(second)
        placed = follow_affine(first, second, guesses.maps[some], 2)
        first, second = (one - common[one.shape[1]] for one in (first, second))
        return some, placed, agreement(first, second, placed), colour_difference(first_colour, second_colour, placed)

    large, small = np.flatnonzero(levels == 0), np.flatnonzero(levels > 0)
    work = chain(_batches(large, _FINE_BATCH), _batches(small, _FINE_BATCH))
    for some, placed, agreed, apart in _on_all_cores(compare, map(load, work)):
        maps[some] = placed
        whole[some, -agreed.whole.shape[1] :] = agreed.whole
        blocks[some, -agreed.whole.shape[1] :] = agreed.blocks
        textured[some, -agreed.whole.shape[1] :] = agreed.textured
        spread[some, -agreed.whole.shape[1] :] = agreed.spread
        colour[some] = np.stack(apart, axis=1)
        brightness[some] = agreed.brightness
    return _judged(len(pictures), guesses, maps, levels, whole, blocks, textured, spread, colour, brightness)


def _in_common(pictures: Pictures, guesses: Guesses) -> dict[int, Array]:
    """The detail that all pictures share, by side in px: a letterhead, the frame of a screen. It is no evidence."""
    numbers = np.unique(np.concatenate([guesses.first, guesses.second]))
    mean = np.zeros((1, SCALES_PX[0], SCALES_PX[0]), np.float32)
    if len(numbers) >= _FEWEST_IN_COMMON:
        numbers = numbers[:: -(-len(numbers) // _MOST_IN_COMMON)]
        for some in _batches(numbers, _FINE_BATCH):
            mean += in_gray_and_colour(pictures.details(some))[0].sum(0) / len(numbers)
    return {mean.shape[1]: detail(mean), mean.shape[1] // 2: detail(halve(mean))}


def _judged(
    pictures: int,
    guesses: Guesses,
    maps: Array,
    levels: Array,
    whole: Array,
    blocks: Array,
    textured: Array,
    spread: Array,
    colour: Array,
    brightness: Array,
) -> Matches:
    row = np.arange(len(levels))
    at_whole, at_blocks = whole[row, levels], blocks[row, levels]
    colours = np.select(
        [colour[:, 0] > _COLOURS_SHARE * colour[:, 1], colour[:, 0] <= _COLOURS_SAME, colour[:, 0] <= _COLOURS_ALIKE],
        [0, _SAME_COLOURS, 1],
    )
    same = _SAME.passed(at_whole, at_blocks, colours, levels)
    spread = spread[row, levels]
    same |= _SAME_SPREAD.passed(at_whole, at_blocks, colours, levels) & (spread >= _SPREAD[levels])
    same &= (spread >= _ONE_EDGE) | _in_place(maps)
    # Of few small gray shapes on nothing, such as digits, any two of a kind agree.
    same &= (colours > 0) | (levels < 2) | (textured[row, levels] >= _SMALL_TEXTURED)
    same &= textured[row, levels] >= _TEXTURED
    exact = (at_whole >= _LAYOUT_WHOLE) & (colours == _SAME_COLOURS) & _in_place(maps)
    same &= exact | ~_one_layout(guesses, same, pictures, _LAYOUT_SHARE)
    scene = (colours > 0) & (levels < 2) & (at_whole >= _SCENE_WHOLE) & (at_blocks >= _SCENE_BLOCKS)
    scene &= textured[row, levels] >= _TEXTURED
    scene &= ~_one_layout(guesses, scene | same, pictures, _SCENE_SHARE)
    scene &= spread >= _SPREAD[levels]
    tier = np.where(same, CHANGED, np.where(scene, SCENE, SIMILAR))
    by_blocks = same & (at_whole < _SAME.whole[colours, levels]) & (at_blocks >= _SAME_SPREAD.blocks[colours, levels])
    score = np.where(by_blocks, at_blocks, np.maximum(at_whole, 0)).clip(0, 1)
    kept = np.flatnonzero(same | scene | (guesses.cosine >= _SIMILAR_COSINE))
    return Matches(
        first=guesses.first[kept],
        second=guesses.second[kept],
        maps=maps[kept],
        tier=tier[kept].tolist(),
        score=score[kept],
        partly=by_blocks[kept],
        recoloured=((colours == 0) & (colour[:, 0] > _COLOURS_ALIKE))[kept],
        brightness=brightness[kept],
    )


def _in_place(maps: Array) -> Array:
    """Whether maps (n, 3, 3) do no more than turn or mirror the whole picture."""
    linear = np.abs(maps[:, :2, :2])
    off = np.minimum(linear, np.abs(1 - linear)).max((1, 2))
    return np.asarray(np.maximum(off, np.abs(maps[:, :2, 2]).max(1)) <= _IN_PLACE)


def _one_layout(guesses: Guesses, same: Array, pictures: int, share: float) -> Array:
    """Which guesses lie among more than ``share`` of all pictures that ``same`` joins: that must be their layout."""
    joined = Components(pictures)
    for row in np.flatnonzero(same):
        joined.join(int(guesses.first[row]), int(guesses.second[row]))
    component = np.array([joined.root(number) for number in range(pictures)], np.int64)
    large = np.bincount(component, minlength=pictures) > max(_LAYOUT_PICTURES, share * pictures)
    return np.asarray(large[component[guesses.first]])


def _batches(rows: Array, size: int) -> Iterator[Array]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _on_all_cores(work: Callable[..., Any], batches: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
    """``work`` on each batch, in their order, in a thread a core: most of its time numpy lets others run.

    The batches are loaded in this thread, to which the store belongs. Each thread multiplies matrices by itself: they
    are small, and threads that wait for each other cost more than they bring.
    """
    threads = cores()
    waiting: deque[Future[Any]] = deque()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            waiting.append(pool.submit(work, *batch))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
