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

# What two pictures of the same image need, at each scale (128, 64, 32 px), where their colours differ, are alike, or
# are the same: a correlation of detail that no two different photos reached; or one of the three blocks in five that
# agree best, where text or a border hides the others, beside a lower one of everything. See benchmarks/README.md.
_SAME_WHOLE = np.array([(0.91, 0.94, 0.985), (0.82, 0.9, 0.96), (0.8, 0.9, 0.94)])
_SAME_BLOCKS = np.array([(0.955, 0.975, 0.995), (0.93, 0.96, 0.985), (0.88, 0.93, 0.98)])
_SAME_BLOCKS_WHOLE = np.array([(0.6, 0.7, 0.8), (0.6, 0.7, 0.8), (0.5, 0.6, 0.7)])
# Colours of copies are 0.1 to 1.6 levels of 255 apart, those of two photos of different things 1.5 to 60.
_COLOURS_ALIKE, _COLOURS_SAME, _COLOURS_SHARE = 2.5, 1.4, 0.3
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

# What a pair needs at 64 px before it is aligned there, and then (small pictures: at 32 px) to be looked at closely.
_ROUGHLY = 0.4
_FINER_WHOLE, _FINER_BLOCKS = (0.78, 0.9), (0.86, 0.95)
_LEAST_OVERLAP = 0.3
# Pixels that both pictures need in what they share, for a scale to tell anything.
_NATIVE_PX = (90, 45)
_COARSE_BATCH, _FINE_BATCH = 128, 32
_FEWEST_IN_COMMON, _MOST_IN_COMMON = 200, 400
# Guesses are compared the most alike first. So many always are; more while of the last batches this share looks right.
_ENOUGH, _ENOUGH_A_PICTURE = 6_000, 0.1
_RECENT, _WORTH_GOING_ON, _MOST_TIMES = 16, 0.01, 5
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

    def compare(some: Array, first: Array, second: Array) -> tuple[Array, Array, int]:
        first, second = first.astype(np.float32), second.astype(np.float32)
        maps = follow_affine(halve(first), halve(second), guesses.maps[some], 6)
        good = np.flatnonzero(_roughly_alike(first, second, maps))
        first, second, maps, some = first[good], second[good], maps[good], some[good]
        if not len(some):
            return some, maps, 0
        maps = follow_homography(first, second, maps, 4)
        agreed = agreement(first, second, maps)
        small = (_level(pictures, guesses.first[some], guesses.second[some], maps) == 2).astype(int)
        row = np.arange(len(some))
        good = agreed.whole[row, small] >= np.array(_FINER_WHOLE)[small]
        good |= agreed.blocks[row, small] >= np.array(_FINER_BLOCKS)[small]
        # Small gray pictures are compared no more closely than this.
        final = (small == 1) & pictures.gray[guesses.first[some]] & pictures.gray[guesses.second[some]]
        good &= ~final | (agreed.whole[:, 1] >= _SAME_WHOLE[0, 2]) | (agreed.blocks[:, 1] >= _SAME_BLOCKS[0, 2])
        good &= ~final | (agreed.textured[:, 1] >= _SMALL_TEXTURED)
        good &= agreed.overlap >= _LEAST_OVERLAP
        strong = (agreed.whole[row, small] >= _STRONG[0]) | (agreed.blocks[row, small] >= _STRONG[1])
        return some[good], maps[good], int((strong & good).sum())

    enough = _ENOUGH + _ENOUGH_A_PICTURE * len(pictures)
    done, found = 0, []
    recent: deque[int] = deque(maxlen=_RECENT)
    for rows, maps, strong in _on_all_cores(compare, map(load, _batches(np.arange(len(guesses)), _COARSE_BATCH))):
        found.append((rows, maps))
        done += _COARSE_BATCH
        recent.append(strong)
        told(min(done, len(guesses)), len(guesses))
        worth = sum(recent) >= _WORTH_GOING_ON * len(recent) * _COARSE_BATCH
        if done >= _MOST_TIMES * enough or (done >= enough and not worth):
            told(len(guesses), len(guesses))
            break
    if not found:
        return np.zeros(0, np.int64), np.zeros((0, 3, 3), np.float32)
    return np.concatenate([rows for rows, _ in found]), np.concatenate([maps for _, maps in found])


def _roughly_alike(first: Array, second: Array, maps: Array) -> Array:
    """Whether pictures (n, 64, 64) that were aligned at 32 px are worth aligning at 64."""
    laid, inside = lay_over(second, maps, first.shape[1])
    seen = inside.astype(np.float32)
    alike = correlation(detail(first), detail(laid), seen) >= _ROUGHLY
    return np.asarray(alike & (seen.mean((1, 2)) >= _LEAST_OVERLAP))


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
    blocks, textured = whole.copy(), whole.copy()
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
        colour[some] = np.stack(apart, axis=1)
        brightness[some] = agreed.brightness
    return _judged(len(pictures), guesses, maps, levels, whole, blocks, textured, colour, brightness)


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
    colour: Array,
    brightness: Array,
) -> Matches:
    row = np.arange(len(levels))
    at_whole, at_blocks = whole[row, levels], blocks[row, levels]
    colours = np.select(
        [colour[:, 0] > _COLOURS_SHARE * colour[:, 1], colour[:, 0] <= _COLOURS_SAME, colour[:, 0] <= _COLOURS_ALIKE],
        [0, 2, 1],
    )
    by_whole = at_whole >= _SAME_WHOLE[colours, levels]
    by_blocks = at_blocks >= _SAME_BLOCKS[colours, levels]
    same = by_whole | (by_blocks & (at_whole >= _SAME_BLOCKS_WHOLE[colours, levels]))
    # Of few small gray shapes on nothing, such as digits, any two of a kind agree.
    same &= (colours > 0) | (levels < 2) | (textured[row, levels] >= _SMALL_TEXTURED)
    same &= textured[row, levels] >= _TEXTURED
    exact = (at_whole >= _LAYOUT_WHOLE) & (colours == len(_SAME_WHOLE) - 1) & _in_place(maps)
    same &= exact | ~_one_layout(guesses, same, pictures, _LAYOUT_SHARE)
    scene = (colours > 0) & (levels < 2) & (at_whole >= _SCENE_WHOLE) & (at_blocks >= _SCENE_BLOCKS)
    scene &= textured[row, levels] >= _TEXTURED
    scene &= ~_one_layout(guesses, scene | same, pictures, _SCENE_SHARE)
    tier = np.where(same, CHANGED, np.where(scene, SCENE, SIMILAR))
    score = np.where(same & ~by_whole, at_blocks, np.maximum(at_whole, 0)).clip(0, 1)
    kept = np.flatnonzero(same | scene | (guesses.cosine >= _SIMILAR_COSINE))
    return Matches(
        first=guesses.first[kept],
        second=guesses.second[kept],
        maps=maps[kept],
        tier=tier[kept].tolist(),
        score=score[kept],
        partly=(same & (at_whole < _SAME_WHOLE[1, levels]))[kept],
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
