"""The ledger: its file, what its queries measure on tables made by hand, and its verdicts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from sandbox import ROOT

from rdc import claims
from rdc.queries import le, nguyen, theory, zhang
from rdc.queries.common import Run, Untestable

ENTRY = {
    "paper": "zhang",
    "claim": "right on 98.7 %",
    "where": "Section 4",
    "published": "98.7 %",
    "query": {"name": "clean_accuracy", "classifier": "zhang"},
    "accept": {"at_least": 0.984},
}


def cell(lam=0.01, rate_bits=6.0, mse=0.04, nll=0.3, **changes):
    row = {
        "study": "zhang",
        "cell": f"{changes.get('method', 'rdc')}_{lam}_{rate_bits}_{changes.get('seed', 0)}",
        "split": "test",
        "method": "rdc",
        "recipe": "ours",
        "dither": True,
        "levels": 4,
        "lam": lam,
        "seed": 0,
        "rate_bits": rate_bits,
        "mse": mse,
        "nll_nats": nll,
        "epochs": 30,
        "steps": 1000,
    }
    return row | changes


def run(rows=(), curves=(), sources=None, images=None):
    classifiers = pd.DataFrame(
        [
            {"classifier": "zhang", "split": s, "accuracy": a, "n_images": 10_000,
             "dataset": "mnist", "epochs": 20}
            for s, a in (("train", 0.999), ("test", 0.986))
        ]
    )  # fmt: skip
    frame = pd.DataFrame(list(rows) or [cell()]).iloc[: len(rows)]
    lines = [
        {"study": "zhang", "cell": name, "split": "validation", "epoch": i + 1, "term": term,
         "value": value}
        for name, term, values in curves
        for i, value in enumerate(values)
    ]  # fmt: skip
    empty = pd.DataFrame(columns=["study", "cell", "split", "epoch", "term", "value"])
    return Run(frame, pd.DataFrame(lines) if lines else empty, classifiers,
               {"zhang": "mnist", "le": "mnist"}, sources or {"mnist": "mnist"}, images or {})  # fmt: skip


def write(path, *entries):
    path.write_text(yaml.safe_dump(list(entries)))
    return path


def verdict(found_run, **changes):
    claim = claims.Claim.model_validate(ENTRY | changes)
    return claims.verdicts([claim], found_run)[0]


def test_the_projects_own_ledger_is_read_and_every_query_is_known():
    found = claims.read(ROOT / "config" / "claims.yaml")
    assert len({(c.paper, c.claim, c.where) for c in found}) == len(found)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"query": {"name": "clean_acuracy"}}, "query.name: found 'clean_acuracy', allowed are"),
        ({"accept": {}}, "accept"),
        ({"publishd": "1"}, "publishd"),
        ({"query": {"name": "clean_accuracy", "clasifier": "zhang"}}, "'clasifier'"),
        ({"query": {"name": "clean_accuracy"}}, "missing a required argument: 'classifier'"),
    ],
)
def test_a_faulty_entry_is_named(changes, message, tmp_path):
    path = write(tmp_path / "claims.yaml", ENTRY | changes)
    with pytest.raises(claims.ClaimError, match="right on 98") as raised:
        claims.read(path)
    assert message in str(raised.value) and str(path) in str(raised.value)


def test_a_ledger_without_claims_is_told(tmp_path):
    (tmp_path / "claims.yaml").write_text("# none yet")
    with pytest.raises(claims.ClaimError, match=r"claims\.yaml: found no list of claims"):
        claims.read(tmp_path / "claims.yaml")


def test_a_runs_claims_are_those_of_its_studies_and_ours_of_them():
    ours = {"paper": "ours", "study": "zhang"}
    known = [claims.Claim.model_validate(ENTRY | c) for c in ({}, ours, {"paper": "le"})]
    assert claims.of_studies(known, {"zhang"}) == known[:2]
    own = claims.verdicts(known[1:2], run())[0]
    assert own["paper"] == "ours" and own["verdict"] == "reproduced"


def test_a_claim_within_its_tolerance_is_reproduced_and_one_outside_is_not():
    assert verdict(run())["verdict"] == "reproduced"
    low = verdict(run(), accept={"at_least": 0.987})
    assert (low["verdict"], low["tolerance"]) == ("not reproduced", "≥ 0.987")
    assert low["low"] < low["measured"] == 0.986 < low["high"]


def test_a_share_is_told_in_percent_where_the_paper_tells_it_so():
    told = verdict(run(), percent=True, accept={"at_least": 98.4})
    assert (told["verdict"], told["tolerance"]) == ("reproduced", "≥ 98.4")
    assert told["measured"] == pytest.approx(98.6)
    assert 98 < told["low"] < 98.6 < told["high"] < 99


def test_a_study_is_read_by_the_classifiers_of_its_own_data():
    found = run()
    other = found.classifiers.assign(dataset="digits", accuracy=0.5)
    found = replace(found, classifiers=pd.concat([other, found.classifiers]))
    assert verdict(found)["measured"] == 0.986


def test_a_note_says_what_a_verdict_leaves_open():
    needs = {"needs": {"epochs": 25}, "accept": {"at_least": 0.97}}
    assert verdict(run(), **needs)["note"].endswith("; 20 of the paper's 25 epochs")
    across = verdict(run(), accept={"at_least": 0.985})  # .986 of 10,000 images: .9837 to .9883
    assert across["verdict"] == "reproduced"
    assert across["note"].endswith("; its interval reaches across the limit")
    assert "across" not in verdict(run(), accept={"at_least": 0.97})["note"]


def test_missing_data_and_short_training_cannot_be_tested_and_it_says_which():
    mine = {"mnist": None, "another": "mnist"}  # the study's, and one that another study is on
    other = verdict(run(sources=mine), needs={"dataset": "mnist"})
    assert other["verdict"] == "not testable at this scale"
    assert "study zhang is not on the paper's data (mnist)" in other["note"]
    assert verdict(run(), needs={"dataset": "mnist"})["verdict"] == "reproduced"
    query = {"name": "falls_with_rate", "method": "rdc"}
    rows = [cell(rate_bits=r, mse=1 / r, nll=1 / r, epochs=14) for r in (3.0, 6.0)]
    short = verdict(run(rows), query=query, needs={"epochs": 30})
    assert "14 epochs of the paper's 30" in short["note"]
    rows = [r | {"epochs": 15} for r in rows]
    assert verdict(run(rows), query=query, needs={"epochs": 30})["verdict"] == "reproduced"
    none = verdict(run(), query={**query, "method": "rdc_printed"})
    assert none["verdict"] == "not testable at this scale" and np.isnan(none["measured"])


def test_validation_rows_and_other_studies_have_no_say():
    rows = [cell(rate_bits=r, mse=1 / r, nll=1 / r) for r in (3.0, 6.0)]
    strangers = [
        cell(rate_bits=8.0, mse=9, nll=9, split="validation"),
        cell(rate_bits=8.0, mse=9, nll=9, study="le"),
    ]
    query = {"name": "falls_with_rate", "method": "rdc"}
    assert verdict(run(rows + strangers), query=query)["measured"] == 1.0


def test_losses_that_fall_together_correlate_and_one_that_rises_does_not():
    falling, rising = [5.0, 4.0, 3.0, 2.0], [1.0, 2.0, 3.0, 4.0]
    rows = [cell(0.015)]
    name = rows[0]["cell"]
    both = run(rows, [(name, "mse", falling), (name, "nll", falling)])
    assert zhang.losses_fall_together(both, "rdc", 4, 0.015).value == 1.0
    one = run(rows, [(name, "mse", falling), (name, "nll", rising)])
    assert zhang.losses_fall_together(one, "rdc", 4, 0.015).value == -1.0
    with pytest.raises(Untestable, match="no cell of rdc with 3 levels"):
        zhang.losses_fall_together(one, "rdc", 3, 0.015)


def test_late_change_is_that_of_the_last_fifth():
    rows, flat = [cell(0.015)], [1.0] * 10
    late = [9, 8, 7, 6, 5, 4, 2.0, 2.0, 1.0, 1.0]
    found = zhang.late_change(
        run(rows, [(rows[0]["cell"], "mse", late), (rows[0]["cell"], "nll", flat)]), "rdc", 4, 0.015
    )
    assert found.value == pytest.approx(0.5)
    assert found.low == found.high == found.value  # no epoch scatters about its fifth's median


def test_where_single_epochs_scatter_a_change_is_not_certain():
    rows, flat = [cell(0.015)], [1.0] * 20
    late = [9.0] * 12 + [1.0, 1.1, 0.9, 1.0] + [1.04, 0.94, 1.14, 1.04]
    curves = [(rows[0]["cell"], "mse", late), (rows[0]["cell"], "nll", flat)]
    found = zhang.late_change(run(rows, curves), "rdc", 4, 0.015)
    assert found.value == pytest.approx(0.04) and found.low == 0
    assert found.high == pytest.approx(0.04 + 1.96 * (np.pi / 2 / 2) ** 0.5 * 0.005**0.5)
    assert "single epochs scatter by 0.071 and 0.000" in found.note


def test_sharpness_is_read_off_the_saved_pictures(tmp_path):
    images, rows = {}, []
    for lam, contrast in ((0.1, 10), (0.2, 100), (0.3, 200)):
        rows.append(cell(lam))
        pictures = np.zeros((2, 28, 28), np.uint8)
        pictures[:, ::2] = contrast
        path = tmp_path / f"{lam}.npz"
        np.savez(path, reconstructions=pictures)
        images["zhang", rows[-1]["cell"]] = path
    assert zhang.sharpness_rises(run(rows, images=images), "rdc", 4).value == pytest.approx(1)
    with pytest.raises(Untestable, match="2 lambdas"):
        zhang.sharpness_rises(run(rows[:2], images=images), "rdc", 4)


def test_correlation_is_within_a_rate():
    rows = [cell(lam, 3.0, mse=m, nll=m * 10) for lam, m in ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3))]
    rows += [cell(lam, 6.0, mse=m, nll=-m) for lam, m in ((0.1, 0.01), (0.2, 0.02), (0.3, 0.03))]
    found = zhang.correlation_at_fixed_rate(run(rows), "rdc")
    assert found.value == pytest.approx(0.0) and "3.00 bits: 1.00" in found.note


def test_spread_is_over_seeds_of_one_cell():
    rows = [cell(mse=m, seed=s) for s, m in enumerate((0.039, 0.040, 0.041))]
    rows += [cell(lam=0.5, mse=1.0), cell(levels=2, mse=1.0)]
    found = zhang.spread_over_seeds(run(rows), "rdc", 4, 0.01)
    assert found.value == pytest.approx(0.05) and "3 seeds" in found.note
    with pytest.raises(Untestable, match="2 seeds"):
        zhang.spread_over_seeds(run(rows[1:]), "rdc", 4, 0.01)


def test_only_one_recipe_is_read():
    rows = [cell(rate_bits=r, mse=1 / r, nll=1 / r) for r in (3.0, 6.0)]
    other = [cell(rate_bits=8.0, mse=9, nll=9, recipe="expected")]
    assert zhang.falls_with_rate(run(rows + other), "rdc").value == 1.0


def test_convexity_is_the_smallest_bend():
    rates = (2.0, 3.0, 4.0, 5.0)
    convex = [cell(rate_bits=r, mse=2**-r) for r in rates]
    assert zhang.convexity_in_rate(run(convex), "rdc").value > 0
    bent = [cell(rate_bits=r, mse=m) for r, m in zip(rates, (4, 3, 1, 0), strict=True)]
    found = zhang.convexity_in_rate(run(bent), "rdc")
    assert found.value == pytest.approx(-0.5)
    assert "lambda 0.01 at 3.00 bits: MSE 3.0000 is +20.0% from the line" in found.note


def test_theory_says_what_the_closed_forms_say():
    found = theory.bernoulli_rate(run(), [0.4, 0.6], [0.9, 0.1], 0.2, 0.2)
    assert found.value == pytest.approx(0.42088, abs=1e-5) and "eq. 9 says 0.0000" in found.note
    assert theory.printed_rate_rises(run()).value > 0.1
    needed = theory.gaussian_middle_branch(run(), 1.0, 1.0, 0.8, 0.5)
    assert needed.value > 1.0
    assert theory.theorem_1_monotone(run(), 3).value <= 1e-6
    assert theory.theorem_1_convex(run(), 3).value <= 1e-6


def table(*rows):
    """Test cells of one study as (method, seed, lam, accuracy, mse), at 8 bits."""
    return run([
        cell(method=m, seed=s, lam=lam, mse=mse, rate_bits=8.0, dither=True, accuracy=a,
             accuracy_judge=a - 0.01, n_images=10_000, w1_critic=1 - mse)
        for m, s, lam, a, mse in rows
    ])  # fmt: skip


def test_a_number_of_table_3_is_a_mean_over_seeds():
    found = table(("na2", 0, 0, 0.88, 0.045), ("na2", 1, 0, 0.90, 0.043))
    accuracy = le.table_3(found, "na2", 8, "accuracy")
    assert accuracy.value == pytest.approx(0.89) and "judge 88.00%" in accuracy.note
    assert accuracy.low < 0.88 < 0.90 < accuracy.high
    assert le.table_3(found, "na2", 8, "mse").value == pytest.approx(0.044)
    with pytest.raises(Untestable, match="no cell of na2 at 12 bits"):
        le.table_3(found, "na2", 12, "mse")


def test_table_3_is_of_dithered_codecs():
    found = table(("na2", 0, 0, 0.88, 0.045), ("na2", 1, 0, 0.95, 0.03), ("na2", 2, 0, 0.95, 0.03))
    found.cells["dither"] = found.cells.seed == 0
    assert le.table_3(found, "na2", 8, "accuracy").value == pytest.approx(0.88)


def test_a_gain_is_paired_by_seed():
    found = table(("na2", 0, 0, 0.9, 0.05), ("na2", 1, 0, 0.8, 0.05),
                  ("only_comp", 0, 0, 0.85, 0.04), ("only_comp", 2, 0, 0.1, 0.04))  # fmt: skip
    gained = le.gain(found, "na2", "only_comp", 8, "accuracy")
    assert gained.value == pytest.approx(0.05) and "1 seed(s)" in gained.note
    draws = np.random.default_rng(0).binomial(10_000, [[0.9], [0.85]], (2, 4000)) / 10_000
    spread = np.quantile(draws[0] - draws[1], [0.025, 0.975])
    np.testing.assert_allclose((gained.low, gained.high), spread, atol=6e-4)
    assert np.isnan(le.gain(found, "na2", "only_comp", 8, "mse").low)


def test_a_gain_of_one_seed_is_paired_over_the_images_where_they_are_kept(tmp_path):
    """Two codecs that misread the same images differ by far less than two of different images."""
    found = table(("na2", 0, 0, 0.9, 0.05), ("only_comp", 0, 0, 0.88, 0.04))
    generator = np.random.default_rng(0)
    theirs = np.arange(10_000) < 8800
    kept = {
        "only_comp": (theirs, generator.normal(0.04, 0.01, 10_000)),
        "na2": (np.arange(10_000) < 9000, generator.normal(0.05, 0.01, 10_000)),
    }
    for method, (correct, errors) in kept.items():
        path = tmp_path / f"{method}.images.npz"
        np.savez(path, correct=correct, errors=errors)
        found.images["le", found.cells[found.cells.method == method].cell.iloc[0]] = path
    found.cells["study"] = "le"
    halves = {"accuracy": np.sqrt(0.02 * 0.98 / 10_000), "mse": 0.01 * np.sqrt(2 / 10_000)}
    for at, (column, half) in enumerate(halves.items()):
        gained = le.gain(found, "na2", "only_comp", 8, column)
        centre = np.mean(kept["na2"][at]) - np.mean(kept["only_comp"][at])
        expected = centre + 1.96 * half * np.array([-1, 1])
        np.testing.assert_allclose((gained.low, gained.high), expected, atol=0.15 * half)


def test_universal_codecs_are_held_against_those_of_the_same_lambda():
    rows = [("rdc", 0, lam, 0.9, mse) for lam, mse in ((0, 0.040), (0.01, 0.044), (0.02, 0.050))]
    rows += [("universal_rdc", 0, lam, 0.9, m)
             for lam, m in ((0, 0.046), (0.01, 0.047), (0.02, 0.051))]  # fmt: skip
    found = table(*rows)
    pair = ("universal_rdc", "rdc", 8.0)
    gap = nguyen.universal_gap(found, *pair)
    assert gap.value == pytest.approx(0.006)
    assert "0.02: +0.0010; Wasserstein-1 by the training critic with 0.01 0.95, end" in gap.note
    with pytest.raises(Untestable, match="no lambda above 0"):
        nguyen.universal_gap(table(*(row for row in rows if row[2] == 0)), *pair)
    assert nguyen.universal_penalty(found, *pair).value == pytest.approx(0.006)
    with pytest.raises(Untestable, match=r"no cell of rdc at 8 bits with lambda 0"):
        nguyen.universal_penalty(table(*(row for row in rows if row[0] != "rdc" or row[2])), *pair)
    assert nguyen.penalty_against_lambda(found, *pair).value == pytest.approx(-1)
    assert nguyen.point(found, "rdc", 8.0, 0.01, "mse").value == pytest.approx(0.044)
    with pytest.raises(Untestable, match=r"lambda 0\.5"):
        nguyen.point(found, "rdc", 8.0, 0.5, "mse")
    with pytest.raises(Untestable, match=r"no cell of rdc at 4\.755 bits"):
        nguyen.point(found, "rdc", 4.755, 0.01, "mse")


def test_a_penalty_at_equal_nll_is_read_off_the_line_of_codecs_end_to_end():
    rows = [
        cell(method="rdc", lam=lam, mse=m, nll=n)
        for lam, m, n in (
            (0, 0.039, 3.0),
            (0.001, 0.040, 2.0),
            (0.01, 0.050, 0.2),
            (0.02, 0.051, 0.15),
        )
    ]
    rows += [cell(method="universal_rdc", lam=0.0, mse=0.047, nll=0.4**0.5)]
    note = nguyen.universal_penalty(run(rows), "universal_rdc", "rdc", 6.0).note
    assert "at equal NLL, by lambda 0: +0.0020" in note  # half way in the logarithm: 0.045
    found = nguyen.penalty_at_equal_nll(run(rows), "universal_rdc", "rdc", 6.0)
    assert found.value == pytest.approx(0.002)
    beyond = [cell(method="universal_rdc", lam=0.0, mse=0.047, nll=0.1)]
    with pytest.raises(Untestable, match="between those of rdc"):
        nguyen.penalty_at_equal_nll(run(rows[:4] + beyond), "universal_rdc", "rdc", 6.0)
    with pytest.raises(Untestable, match="3 lambdas of rdc, needs 4"):
        nguyen.penalty_at_equal_nll(run(rows[1:]), "universal_rdc", "rdc", 6.0)
    note = nguyen.universal_penalty(run([rows[0], *rows[2:]]), "universal_rdc", "rdc", 6.0).note
    assert "too few lambdas end to end" in note


def test_zhangs_codecs_have_the_jitter():
    rates = (2.0, 3.0, 4.0)
    rows = [cell(rate_bits=r, mse=2**-r, nll=2**-r) for r in rates]
    bare = [cell(rate_bits=r, mse=r, nll=r, dither=False) for r in rates] * 2
    assert zhang.falls_with_rate(run(rows + bare), "rdc").value == 1.0
