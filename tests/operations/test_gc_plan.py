"""What may go, as laws: nothing that is needed does, and afterwards there is nothing to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from ledger.histories import VERSIONS, after, histories, put
from parts.laws import tries

from lading.ledger.fold import fold
from lading.operations.garbage.facts import Facts, KnownManifest, KnownVersion, reached
from lading.operations.garbage.plan import Plan, Wish, plan
from lading.operations.garbage.reasons import ledger_reasons
from lading.spec import mediatypes, tags
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.version import Version, highest_release

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
TAGS = ("0.9.0", "1.0.0-rc.1", "1.0.0", "1.1.0", "2.0.0-rc.1")


def manifest(name: str, *, index: bool = False) -> Descriptor:
    kind = mediatypes.IMAGE_INDEX if index else mediatypes.IMAGE_MANIFEST
    return Descriptor(kind, Digest.of(name.encode()), 100)


def layer(name: str) -> Descriptor:
    return Descriptor("application/octet-stream", Digest.of(f"layer {name}".encode()), 1000)


AGES = st.sampled_from((None, timedelta(0), timedelta(days=2), timedelta(days=200)))


@st.composite
def repositories(draw: st.DrawFn) -> Facts:
    """Versions that share content, evidence of theirs and of each other, and debris."""
    manifests: dict[Digest, KnownManifest] = {}
    found: dict[str, Digest] = {}

    def moment() -> datetime | None:
        age = draw(AGES)
        return None if age is None else NOW - age

    def add(descriptor: Descriptor, *children: Descriptor, **more: object) -> Digest:
        known = KnownManifest(descriptor, children, created=moment(), **more)  # type: ignore[arg-type]  # its fields
        manifests[descriptor.digest] = known
        if draw(st.booleans()):
            found[tags.keep_tag(descriptor.digest)] = descriptor.digest
        return descriptor.digest

    children = [manifest(f"child {number}") for number in range(4)]
    for number, child in enumerate(children):
        add(child, layer(str(number % 3)), layer(f"own {number}"))
    roots: list[Digest] = []
    versions = []
    for number, tag in enumerate(draw(st.lists(st.sampled_from(TAGS), unique=True))):
        below = draw(st.lists(st.sampled_from(children), max_size=2, unique=True))
        root = draw(st.sampled_from([*roots, None])) if roots else None
        if root is None:
            root = add(manifest(f"version {number}", index=True), *below)
        roots.append(root)
        found[tag] = root
        version = Version.from_tag(tag)
        assert version
        of = frozenset(c.digest for c in manifests[root].children) | {root}
        named = draw(st.lists(st.sampled_from([*roots, children[0].digest]), max_size=2))
        versions.append(KnownVersion(tag, version, root, of, moment(), frozenset(named)))
    images = []
    for number, tag in enumerate(draw(st.lists(st.sampled_from((*TAGS, "7.0.0")), max_size=3))):
        part = manifest(f"part of image {number}")
        add(part, layer(str(number % 3)), layer(f"base {number}"))
        images.append(add(manifest(f"image {number}", index=True), part))
        found.setdefault(f"serve-{tag}", images[-1])
    subjects = [*roots, manifest("gone").digest]
    for number in range(draw(st.integers(0, 4))):
        subject = draw(st.sampled_from(subjects))
        evidence = manifest(f"evidence {number}")
        image = draw(st.sampled_from((None, *images)))
        subjects.append(add(evidence, layer(f"report {number}"), subject=subject, image=image))
        if draw(st.booleans()):
            listing = manifest(f"list {number}", index=True)
            manifests[listing.digest] = KnownManifest(listing, (evidence,))
            found[tags.fallback_tag(subject)] = listing.digest
    if draw(st.booleans()):
        name = draw(st.sampled_from(("prod", "3.0.0")))
        found[name] = add(manifest("tombstone"), tombstone=True)
    needed = draw(st.lists(st.sampled_from([*roots, *manifests]), max_size=2))
    for name in draw(st.lists(st.sampled_from(("prod", "candidate", "latest")), max_size=2)):
        if roots:
            found.setdefault(name, draw(st.sampled_from(roots)))
    return Facts(
        now=NOW,
        grace=draw(st.sampled_from((timedelta(0), HOUR))),
        versions=tuple(versions),
        tags=found,
        manifests=manifests,
        named=dict.fromkeys(needed, ("somebody needs it",)),
        deprecated=frozenset(draw(st.lists(st.sampled_from(roots)))) if roots else frozenset(),
        blind=draw(st.sampled_from(((), (), ("nobody knows",)))),
    )


WISHES = st.builds(
    Wish,
    keep_last=st.sampled_from((None, 0, 1, 2)),
    older_than=st.sampled_from((None, timedelta(days=1), timedelta(days=100))),
    prereleases=st.booleans(),
    deprecated=st.booleans(),
)


def carried_out(facts: Facts, made: Plan) -> Facts:
    """The repository afterwards."""
    gone = {digest for verdict in made.going for digest in verdict.belongings}
    gone |= {leftover.digest for leftover in made.clearing} - made.kept
    untagged = {verdict.version.tag for verdict in made.going}
    untagged |= {leftover.tag for leftover in made.clearing if leftover.tag}
    kept = {n: d for n, d in facts.tags.items() if n not in untagged and d not in gone}
    return replace(
        facts,
        tags=kept,
        manifests={d: known for d, known in facts.manifests.items() if d not in gone},
        versions=tuple(v for v in facts.versions if v.tag not in untagged),
    )


@given(facts=repositories(), wish=WISHES)
@tries(300)
def test_nothing_that_is_needed_goes(facts: Facts, wish: Wish) -> None:
    made = plan(facts, wish)

    going = {verdict.version for verdict in made.going}
    for version in going:
        assert version.digest not in facts.named
        names = {name for name, digest in facts.tags.items() if digest == version.digest}
        assert not names & {"prod", "candidate", "latest"}
        assert version.version != highest_release([v.tag for v in facts.versions])
        assert not facts.grace or (version.pushed and facts.now - version.pushed >= facts.grace)
        left = [other for other in facts.versions if other not in going]
        assert not any(
            other.parents & version.digests for other in left if other.digest != version.digest
        )
        assert not facts.blind


@given(facts=repositories(), wish=WISHES)
@tries(300)
def test_what_stays_is_whole_and_keeps_its_evidence(facts: Facts, wish: Wish) -> None:
    made = plan(facts, wish)

    after_ = carried_out(facts, made)
    visible = {
        digest
        for name, digest in after_.tags.items()
        if not (tags.is_own(name) or facts.manifests[digest].tombstone)
        and not ((image := tags.image_of(name)) and image[1].tag not in after_.tags)
    }
    # Walked without the plan's own way of walking.
    ahead, seen = list({*visible, *(d for d in facts.named if d in facts.manifests)}), set[Digest]()
    while ahead:
        digest = ahead.pop()
        if digest not in seen:
            seen.add(digest)
            ahead += [c.digest for c in facts.manifests[digest].children if c.is_manifest]
            ahead += [d for d, known in facts.manifests.items() if known.subject == digest]
            named = facts.manifests[digest].image
            ahead += [named] if named and named in facts.manifests else []
    assert seen <= after_.manifests.keys()
    for digest in seen:
        name = tags.fallback_tag(digest)
        assert (name in after_.tags) == (name in facts.tags)
        assert (tags.keep_tag(digest) in after_.tags) == (tags.keep_tag(digest) in facts.tags)


@given(facts=repositories(), wish=WISHES)
@tries(300)
def test_afterwards_there_is_nothing_to_do(facts: Facts, wish: Wish) -> None:
    made = plan(facts, wish)

    again = plan(carried_out(facts, made), wish)

    assert (again.going, again.clearing, again.frees) == ((), (), 0)


@given(facts=repositories(), wish=WISHES)
@tries(200)
def test_what_it_frees_is_what_nothing_left_names(facts: Facts, wish: Wish) -> None:
    made = plan(facts, wish)

    def pieces(of: Facts) -> dict[Digest, int]:
        every = (known for known in of.manifests.values())
        return {p.digest: p.size for known in every for p in (known.descriptor, *known.children)}

    before, left = pieces(facts), pieces(carried_out(facts, made))
    assert made.frees == sum(size for digest, size in before.items() if digest not in left)


@given(lines=histories(), protected=st.sampled_from(((), ("prod",))))
@tries(200)
def test_what_a_stage_names_or_a_protected_one_named_has_a_reason(
    lines: tuple[object, ...], protected: tuple[str, ...]
) -> None:
    state = fold(lines, protected=protected)  # type: ignore[arg-type]  # lines

    reasons = ledger_reasons(lines, (), state, protected=protected, since=NOW)  # type: ignore[arg-type]  # lines

    needed = {member.digest for stage in state.stages.values() for member in stage.members}
    guarded = {line.stage for line in lines if line.protected} | set(protected)  # type: ignore[attr-defined]  # lines
    needed |= {
        line.subject  # type: ignore[attr-defined]  # lines
        for line in lines
        if line.kind == "assigned" and line.stage in guarded  # type: ignore[attr-defined]  # lines
    }
    assert needed <= reasons.keys()


def test_an_open_stage_lets_go_of_what_it_named_before() -> None:
    first = put(1, version=0)
    lines = (first, put(2, first, version=1))

    reasons = ledger_reasons(lines, (), fold(lines), protected=(), since=NOW)

    assert reasons.keys() == {VERSIONS[1]}


def test_a_dispute_holds_all_that_are_disputed() -> None:
    first = after(0)
    lines = (first, put(1, first, version=1), put(2, first, version=2))

    reasons = ledger_reasons(lines, (), fold(lines), protected=(), since=NOW)

    assert reasons.keys() == {VERSIONS[1], VERSIONS[2]}


def test_the_last_are_counted_among_those_that_are_meant() -> None:
    roots = {tag: manifest(tag) for tag in TAGS}
    facts = Facts(
        now=NOW,
        grace=timedelta(0),
        versions=tuple(
            KnownVersion(tag, Version.parse(tag), d.digest, frozenset({d.digest}), None)
            for tag, d in roots.items()
        ),
        tags={tag: d.digest for tag, d in roots.items()},
        manifests={d.digest: KnownManifest(d) for d in roots.values()},
    )

    made = plan(facts, Wish(prereleases=True, keep_last=1))

    assert [str(verdict.version.version) for verdict in made.going] == ["1.0.0-rc.1"]
    assert reached(facts, [roots["1.1.0"].digest]) == {roots["1.1.0"].digest}
