"""What the report's section on short training shows: for each probe its charts, a few numbers and its tables."""

from dataclasses import dataclass

from markupsafe import Markup

from cvadvisor.diagnosis import Curve, Diagnosis
from cvadvisor.facts import Estimate, ProbeFacts
from cvadvisor.facts.batch import BatchFacts
from cvadvisor.facts.features import ConfusionFacts, FeatureFacts
from cvadvisor.facts.learning_rate import FinderPicks, LrFacts
from cvadvisor.facts.overfit import OverfitFacts
from cvadvisor.facts.race import RaceFacts
from cvadvisor.facts.seen import Mark
from cvadvisor.outputs.charts import line_chart
from cvadvisor.outputs.figures import between, percent, rate, seconds, shown
from cvadvisor.outputs.overlay import Overlay, Pick
from cvadvisor.outputs.probe_words import race_sentences, rate_sentences, standing
from cvadvisor.outputs.rank_chart import Ranked, rank_chart

_FINDERS = {
    "fastai_valley": "fastai, valley",
    "fastai_steep": "fastai, steep",
    "fastai_minimum": "fastai, minimum",
    "torch_lr_finder": "torch-lr-finder",
    "lightning": "Lightning",
}
_FEW_MINUTES_S = 600.0
_ROWS = 6
"""Rows of a table that a person reads; audit.json has the rest."""

Value = tuple[str, str]
"""A value, and its interval: empty where it has none."""
Figures = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Chart:
    """A drawing with its title and how to read it."""

    title: str
    drawing: Markup
    note: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows, each with its name."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Value, ...]], ...]
    note: str | None = None
    folded: bool = False


@dataclass(frozen=True)
class Block:
    """What one probe, or several of one subject, found."""

    title: str
    said: tuple[str, ...] = ()
    figures: Figures = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


def blocks(diagnosis: Diagnosis) -> list[Block]:
    """What is shown, by subject; subjects of which nothing is known are left out."""
    probe = diagnosis.facts.probe or ProbeFacts()
    curves = {curve.name: curve for curve in diagnosis.curves}
    if probe.race is not None and probe.race.entries:
        curves.pop("race", None)  # drawn from its facts
    made = [
        _rates(probe, curves),
        _race(probe.race),
        _features(probe.features, curves),
        _batch(probe.batch, curves),
        _one_batch(probe.overfit, curves),
        Block("More", charts=tuple(_chart(curve) for curve in curves.values())),
    ]
    return [block for block in made if block.said or block.figures or block.charts or block.tables]


def _chart(curve: Curve, over: Overlay | None = None, more: str = "") -> Chart:
    return Chart(curve.title, line_chart(curve, over), " ".join(filter(None, (curve.note, more))) or None)


def _taken(curves: dict[str, Curve], *names: str) -> tuple[Chart, ...]:
    """The charts of ``names`` that there are; they are no longer left for the rest."""
    return tuple(_chart(curve) for name in names if (curve := curves.pop(name, None)) is not None)


def _rates(probe: ProbeFacts, curves: dict[str, Curve]) -> Block:
    lr, trials, test = probe.lr, curves.pop("lr", None), curves.pop("lr_full", None)
    charts = []
    if trials is not None:
        charts.append(_chart(trials, *_trials_overlay(lr)) if lr is not None else _chart(trials))
    if test is not None:
        finders = probe.lr_full.finders if probe.lr_full is not None else None
        charts.append(_chart(test, *_finders_overlay(finders, lr)))
    charts += _taken(curves, "lr_head")
    return Block(
        "Learning rate",
        said=tuple(rate_sentences(lr)) if lr is not None else (),
        charts=tuple(charts),
        tables=(_tried(lr),) if lr is not None and lr.tried else (),
    )


def _trials_overlay(lr: LrFacts) -> tuple[Overlay, str]:
    marks = () if lr.cliff is None else (Mark(label="breaks down", x=lr.cliff),)
    note = f"Shaded: within noise of the best, {between(rate(lr.low), rate(lr.high))}." if lr.low < lr.high else ""
    return Overlay(within=(lr.low, lr.high), level=("without any step", lr.start_loss), marks=marks), note


def _finders_overlay(finders: FinderPicks | None, lr: LrFacts | None) -> tuple[Overlay, str]:
    """Dots for what common finders would pick from this test, beside what was chosen by trials."""
    picks = [
        Pick(words, value) for name, words in _FINDERS.items() if (value := getattr(finders, name, None)) is not None
    ]
    if not picks:
        return Overlay(), ""
    if lr is not None:
        picks.insert(0, Pick("chosen by trials", lr.best, ours=True))
    return Overlay(picks=tuple(picks)), "Dots: what common finders would pick from the first run; none is followed."


def _tried(lr: LrFacts) -> Table:
    rows = tuple(
        (
            rate(trial.rate),
            _plain(
                f"{trial.steps:,}",
                f"{trial.seeds}",
                "broke down" if trial.broke_down else f"{trial.loss:.2f}",
                percent(trial.accuracy),
            ),
        )
        for trial in lr.tried
    )
    return Table("Every rate that was tried", ("rate", "steps", "runs", "loss", "accuracy"), rows, folded=True)


def _race(race: RaceFacts | None) -> Block:
    title = "Race of strategies"
    if race is None or not race.entries:
        return Block(title)
    rows = [
        Ranked(
            title=entry.title,
            share=entry.accuracy,
            said=f"{percent(entry.accuracy.value)}, {standing(race, entry)}",
            advised=entry.name == race.recommended,
        )
        for entry in race.entries
    ]
    note = (
        "Accuracy on the images that choose, with 95 % intervals, which images that are hard for all widen. Two tie "
        "where they are within two standard errors image by image. Bold: the simplest within one of the leader."
    )
    table = Table(
        "The strategies in numbers",
        ("strategy", "points behind", "loss", "rate"),
        tuple(
            (
                entry.title,
                (
                    ("leads", "") if entry.name == race.leader else _fixed(entry.behind, 1),
                    (f"{entry.loss:.2f}", ""),
                    (rate(entry.learning_rate) if entry.steps else "none", ""),
                ),
            )
            for entry in race.entries
        ),
    )
    drawn = rank_chart("Race of strategies", rows)
    return Block(
        title,
        said=tuple(race_sentences(race)),
        charts=(Chart("Accuracy at equal steps", drawn, note),),
        tables=(table,),
    )


def _features(features: FeatureFacts | None, curves: dict[str, Curve]) -> Block:
    scaling = curves.pop("scaling", None)
    charts = () if scaling is None else (_chart(scaling, Overlay(spread=("lower", "upper"))),)
    if features is None:
        return Block("Frozen features", charts=charts)
    tables = [_confused(features.confusion), _class_value(features)]
    return Block(
        "Frozen features",
        figures=_feature_figures(features),
        charts=charts,
        tables=tuple(table for table in tables if table is not None),
    )


def _feature_figures(features: FeatureFacts) -> Figures:
    scaling, shift, statistics, outliers = features.scaling, features.shift, features.statistics, features.outliers
    return _known(
        ("nearest neighbours", _share(features.knn_accuracy)),
        ("of the labels are wrong, estimated", _share(features.label_noise) if features.label_noise else None),
        ("labels look wrong", _count(features.label_suspects)),
        ("points from twice the images", _fixed(scaling.doubling_gain, 1) if scaling else None),
        ("points from the dataset's own statistics", _fixed(statistics.adapted_gain, 1) if statistics else None),
        ("validation told from training, 0.5 is not at all", _fixed(shift.auc, 2) if shift else None),
        ("images far from all others", _count(outliers.found) if outliers else None),
    )


def _confused(confusion: ConfusionFacts | None) -> Table | None:
    if confusion is None or not confusion.pairs:
        return None
    rows = tuple(
        (
            f"{pair.first} and {pair.second}",
            (
                (f"{pair.first_as_second + pair.second_as_first:,} of {pair.images:,}", ""),
                _share(pair.share),
                (f"{pair.times_usual:.1f} ×", ""),
            ),
        )
        for pair in confusion.pairs[:_ROWS]
    )
    note = "Training images that a classifier, fitted to the other images, takes for the other class of the pair."
    return Table("Taken for each other", ("pair", "images", "share", "usual share"), rows, note)


def _class_value(features: FeatureFacts) -> Table | None:
    value = features.class_value
    if value is None or not value.classes:
        return None
    rows = tuple(
        (one.label, ((f"{one.images:,}", ""), _share(one.recall), _fixed(one.gain, 1))) for one in value.classes[:_ROWS]
    )
    note = (
        "Points of recall that a class gains when all training images double, with an interval that holds for all "
        f"classes at once; the mean is {value.mean_gain:.1f}."
    )
    return Table("Whose next images pay most", ("class", "images", "recognised", "points"), rows, note)


def _batch(batch: BatchFacts | None, curves: dict[str, Curve]) -> Block:
    charts = _taken(curves, "batch")
    return Block("Batch size, memory and speed", figures=_batch_figures(batch) if batch else (), charts=charts)


_TRAINED = {"full": ", every layer", "head-then-full": ", every layer", "head-only": ", the head alone"}


def _batch_figures(batch: BatchFacts) -> Figures:
    memory = None if batch.memory_per_image_bytes is None else (shown(batch.memory_per_image_bytes, "", "bytes"), "")
    return _known(
        ("an epoch", _duration(batch.epoch_seconds)),
        (f"the whole run{_TRAINED.get(batch.strategy or '', '')}", _duration(batch.run_seconds)),
        ("training, an image", _measured(batch.train_ms, " ms")),
        ("reading an image", _measured(batch.decode_ms, " ms")),
        ("of an epoch waits for images", None if batch.loading_share is None else (percent(batch.loading_share), "")),
        ("fit 80 % of the memory", _count(batch.recommended, " images")),
        ("are the largest batch that fits", _count(batch.largest, " images")),
        ("memory, an image", memory),
        ("gradient noise scale", _measured(batch.noise_scale, " images")),
        (f"speed in {batch.mixed_precision}", _measured(batch.mixed_precision_speedup, " ×")),
        ("speed with channels last", _measured(batch.channels_last_speedup, " ×")),
        ("speed with torch.compile", _measured(batch.compile_speedup, " ×")),
    )


def _one_batch(overfit: OverfitFacts | None, curves: dict[str, Curve]) -> Block:
    charts = _taken(curves, "overfit")
    if overfit is None:
        return Block("One batch", charts=charts)
    losses = (
        ("first loss, the library's head", overfit.library_head_loss),
        ("first loss, the recipe's head", overfit.initial_loss),
        ("loss of knowing nothing", overfit.chance_loss),
    )
    return Block(
        "One batch",
        figures=_known(
            ("to memorise it", _count(overfit.steps_to_fit, " steps") or ("not memorised", "")),
            *((name, ("not finite" if loss is None else f"{loss:.2f}", "")) for name, loss in losses),
        ),
        charts=charts,
    )


def _known(*rows: tuple[str, Value | None]) -> Figures:
    return tuple((name, value) for name, value in rows if value is not None)


def _plain(*texts: str) -> tuple[Value, ...]:
    return tuple((text, "") for text in texts)


def _share(one: Estimate) -> Value:
    return percent(one.value), between(percent(one.low), percent(one.high))


def _fixed(one: Estimate, digits: int) -> Value:
    value, low, high = (f"{end:.{digits}f}" for end in (one.value, one.low, one.high))
    return value, between(low, high)


def _measured(one: Estimate | None, unit: str = "") -> Value | None:
    if one is None:
        return None
    return f"{shown(one.value)}{unit}", between(shown(one.low), shown(one.high))


def _duration(one: Estimate | None) -> Value | None:
    if one is None or one.high < _FEW_MINUTES_S:  # whole minutes would hide the interval
        return _measured(one, " s")
    return seconds(one.value), between(seconds(one.low), seconds(one.high))


def _count(value: int | None, unit: str = "") -> Value | None:
    return None if value is None else (f"{value:,}{unit}", "")
