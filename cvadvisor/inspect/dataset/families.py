"""Who is the same image as whom, through any number of pairs, and which held-out images training has seen.

A family holds every file of one image. Pairs that were found between two files hold for all exact copies of them.
"""

from cvadvisor.facts.leaks import BYTES, CHANGED, EXACT, PIXELS, SAME_IMAGE, SCENE, SIMILAR, TIERS
from cvadvisor.inspect.dataset.components import Components
from cvadvisor.inspect.dataset.store import Store

THROUGH_ANOTHER = "by way of another copy"
"""What stands for the transform where two files were not compared themselves."""


def names(tiers: tuple[str, ...]) -> str:
    """``tiers`` as a list in SQL."""
    return ", ".join(f"'{tier}'" for tier in tiers)


def rank_of(split: str) -> str:
    """SQL for the place of the column ``split`` in the order of splits: training 0, validation 1, test 2."""
    return f"CASE {split} WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END"


TIER_RANK = "CASE tier " + " ".join(f"WHEN '{tier}' THEN {rank}" for rank, tier in enumerate(TIERS)) + " ELSE 9 END"
"""SQL for the place of the column ``tier`` among the tiers."""


def labels_of(file: str, separator: str) -> str:
    """SQL for the labels of the image in the column ``file``, sorted; NULL where it has none."""
    return (
        f"(SELECT group_concat(name, '{separator}') FROM (SELECT CAST(name AS TEXT) AS name FROM temp.label "
        f"WHERE label.file = {file} ORDER BY 1))"
    )


_BY_TIER = f"SELECT a, b, tier FROM temp.pair ORDER BY {TIER_RANK}, a, b"
_TRAINING = "SELECT file FROM temp.sample WHERE split = 'train'"
_MEMBERS = """
CREATE TEMP TABLE member (file INTEGER PRIMARY KEY, family INTEGER NOT NULL);
CREATE TEMP TABLE beside (    -- each held-out image beside an image of an earlier split, in its surest tier
    file INTEGER PRIMARY KEY, source INTEGER NOT NULL, tier TEXT NOT NULL, transform TEXT NOT NULL, score REAL NOT NULL
);
"""
_FAMILIES = f"""
CREATE TEMP TABLE family AS
    SELECT member.file AS file, family, {rank_of("split")} AS rank,
        coalesce({labels_of("member.file", "|")}, '') AS label
    FROM temp.member JOIN temp.sample ON sample.file = member.file;
CREATE UNIQUE INDEX temp.family_file ON family (file);
CREATE INDEX temp.family_family ON family (family, rank);
DROP TABLE temp.member;

-- The first file of each family in each split, and how far the least alike of the family agree.
CREATE TEMP TABLE first_of AS
    SELECT family, rank, file, min(path) AS path FROM temp.family JOIN temp.file ON file.id = family.file
    GROUP BY family, rank;
CREATE INDEX temp.first_of_family ON first_of (family);
CREATE TEMP TABLE loosest AS
    SELECT family, min(score) AS score FROM temp.pair JOIN temp.family ON family.file = pair.b
    WHERE tier = '{CHANGED}' GROUP BY family;
CREATE INDEX temp.loosest_family ON loosest (family);
"""
# Of each image, the neighbour in each split that it agrees with most. Pairs are between originals, and an original has
# the first split of all its copies: so what is in an earlier split is found whichever copy it is.
_NEAREST = f"""
CREATE TEMP TABLE nearest AS
    SELECT file, source, rank, transform, score FROM (
        SELECT one.*, family.rank AS rank, row_number() OVER (
            PARTITION BY one.file, family.rank ORDER BY score DESC, path) AS place
        FROM (SELECT b AS file, a AS source, transform, score FROM temp.pair WHERE tier = '{CHANGED}'
            UNION ALL SELECT a, b, transform, score FROM temp.pair WHERE tier = '{CHANGED}') AS one
        JOIN temp.family ON family.file = one.source JOIN temp.file ON file.id = one.source
    ) WHERE place = 1;
CREATE INDEX temp.nearest_file ON nearest (file);
"""
# Training before validation, then an exact copy, one that it was compared with, and any other of the family.
_BESIDE = f"""
INSERT INTO temp.beside
    SELECT file, source, tier, transform, score FROM (
        SELECT found.*, row_number() OVER (PARTITION BY file ORDER BY source_rank, way, score DESC, path) AS place
        FROM (
            SELECT held.file AS file, a AS source, tier, transform, score, early.rank AS source_rank,
                {TIER_RANK} AS way
            FROM temp.pair JOIN temp.family AS held ON held.file = b JOIN temp.family AS early ON early.file = a
            WHERE tier IN ({names(EXACT)}) AND early.rank < held.rank
            UNION ALL
            SELECT held.file, source, '{CHANGED}', transform, score, nearest.rank, 2
            FROM temp.family AS held LEFT JOIN temp.copy ON copy.file = held.file
            JOIN temp.nearest ON nearest.file = coalesce(copy.original, held.file) AND nearest.rank < held.rank
            UNION ALL
            SELECT held.file, first_of.file, '{CHANGED}', '{THROUGH_ANOTHER}', coalesce(loosest.score, 1),
                first_of.rank, 3
            FROM temp.family AS held JOIN temp.first_of ON first_of.family = held.family AND first_of.rank < held.rank
            LEFT JOIN temp.loosest ON loosest.family = held.family
        ) AS found JOIN temp.file ON file.id = found.source
    ) WHERE place = 1
"""
# A scene is shared by whole families: an image of which any copy shows the scene of another one's copy.
_LINKED = f"""
CREATE TEMP TABLE linked AS
    WITH one AS (
        SELECT b AS file, a AS source, transform, score FROM temp.pair WHERE tier = :tier
        UNION ALL SELECT a, b, transform, score FROM temp.pair WHERE tier = :tier
    ), early AS (
        SELECT one.file AS file, source, {rank_of("split")} AS rank, transform, score, 0 AS far
        FROM one JOIN temp.sample ON sample.file = source
        UNION ALL SELECT one.file, first_of.file, first_of.rank, transform, score, 1
        FROM one JOIN temp.family ON family.file = source JOIN temp.first_of ON first_of.family = family.family
    )
    SELECT unit, source, rank, transform, score FROM (
        SELECT coalesce(family.family, early.file) AS unit, source, early.rank AS rank, transform, score, row_number()
            OVER (PARTITION BY coalesce(family.family, early.file), early.rank ORDER BY score DESC, far, path) AS place
        FROM early LEFT JOIN temp.family ON family.file = early.file JOIN temp.file ON file.id = source
    ) WHERE place = 1
"""
_BESIDE_LINKED = f"""
INSERT INTO temp.beside
    SELECT file, source, :tier, transform, score FROM (
        SELECT held.file, source, transform, score, row_number() OVER (PARTITION BY held.file ORDER BY linked.rank)
            AS place
        FROM (
            SELECT file, family AS unit, rank FROM temp.family
            UNION ALL SELECT file, file, {rank_of("split")} FROM temp.sample WHERE file NOT IN (
                SELECT file FROM temp.family)
        ) AS held JOIN temp.linked ON linked.unit = held.unit AND linked.rank < held.rank
        WHERE held.file NOT IN (SELECT file FROM temp.beside)
    ) WHERE place = 1
"""
_LEAKED = f"""
INSERT INTO temp.leaked
    SELECT beside.file, source FROM temp.beside JOIN temp.sample ON sample.file = source
    WHERE tier IN ({names(SAME_IMAGE)}) AND split = 'train'
"""
# Two files that looked merely alike may be one image by way of a third.
_PAIRED = f"""
INSERT INTO temp.pair
    SELECT source, file, tier, transform, score FROM temp.beside WHERE tier IN ({names((*SAME_IMAGE, SCENE))})
ON CONFLICT (a, b) DO UPDATE SET tier = excluded.tier, transform = excluded.transform, score = excluded.score
    WHERE pair.tier = '{SIMILAR}' OR pair.tier = '{SCENE}' AND excluded.tier <> '{SCENE}'
"""


def find_families(store: Store) -> dict[str, int]:
    """Work out families from the pairs, and stand every held-out image beside one that an earlier split holds.

    Fills ``temp.family`` (file, family, rank of its split, label), ``temp.beside`` and ``temp.leaked``, and adds to
    ``temp.pair`` each held-out image beside its source, where they are one image or scene and no pair says so.

    Returns:
        Training images beyond the first of each image, scene or likeness, by tier: each in the first that joins it.
    """
    store.connection.executescript(_MEMBERS)
    repeats = _join(store)
    store.connection.executescript(_FAMILIES)
    store.connection.executescript(_NEAREST)
    store.run(_BESIDE)
    for tier in (SCENE, SIMILAR):
        store.connection.execute(_LINKED, {"tier": tier})
        store.run("CREATE INDEX temp.linked_unit ON linked (unit)")
        store.connection.execute(_BESIDE_LINKED, {"tier": tier})
        store.run("DROP TABLE temp.linked")
    store.run(_LEAKED)
    store.run(_PAIRED)
    for table in ("first_of", "loosest", "nearest"):
        store.run(f"DROP TABLE temp.{table}")
    return repeats


def _join(store: Store) -> dict[str, int]:
    """Join the pairs, the surest first; what is together once pairs of one image are joined is a family."""
    repeats = dict.fromkeys(TIERS, 0)
    components = Components.of(store)
    has_training = bytearray((store.one("SELECT max(id) FROM temp.file") or 0) + 1)
    for (file,) in store.rows(_TRAINING):
        has_training[file] = True
    written = False
    for a, b, tier in store.rows(_BY_TIER):
        if not written and tier not in SAME_IMAGE:
            store.insert("temp.member", components.in_company())
            written = True
        if roots := components.join(a, b):
            first, second = roots
            repeats[tier] = repeats.get(tier, 0) + (has_training[first] and has_training[second])
            has_training[first] |= has_training[second]
    if not written:
        store.insert("temp.member", components.in_company())
    return repeats


KINDS = {BYTES: "byte for byte", PIXELS: "pixel for pixel", CHANGED: "as a changed copy"}
"""How a file is the same image as another, in words that follow a number."""
