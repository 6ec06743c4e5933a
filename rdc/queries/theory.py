"""Numbers that claims about the theory are held against: computed, whatever the run."""

import numpy as np

from rdc.limits import bernoulli, blahut_arimoto, convexity, gaussian
from rdc.queries.common import Measured, Run


def bernoulli_rate(
    run: Run, priors: list, parameters: list, distortion: float, error: float
) -> Measured:
    """The true R(D, E) in bits of a two-class Bernoulli source, beside eq. 9 as printed."""
    source = bernoulli.BernoulliSource(tuple(priors), tuple(parameters))
    true, region = bernoulli.rate_and_region(source, distortion, error)
    printed = float(bernoulli.rate_as_printed(source, distortion, error))
    d2 = bernoulli.thresholds(source, error).d2
    return Measured(
        float(true),
        f"eq. 9 says {printed:.4f} bits beyond D2 = {d2:.4f}; the closed form, checked against convex "
        f"minimisation, {float(true):.4f} (region: {region})",
    )


def printed_rate_rises(run: Run) -> Measured:
    """Largest rise, in bits, of eq. 9 as printed where E is relaxed; Theorem 1 allows none."""
    source = bernoulli.BernoulliSource((0.4, 0.6), (0.9, 0.1))
    distortion, error = np.linspace(0, 0.5, 201), np.linspace(0.1, 0.4, 121)
    surface = bernoulli.rate_as_printed(source, distortion[:, None], error[None, :])
    worst = convexity.monotonicity_violation(surface)
    convex = convexity.convexity_violation(surface)
    return Measured(
        worst.amount,
        f"201 x 121 constraints of the source P1 = .4, a1 = .9, a2 = .1; it also breaks convexity, by "
        f"{convex.amount:.3f} bits",
    )


def gaussian_middle_branch(
    run: Run, var_x: float, var_s: float, covariance: float, rate_bits: float
) -> Measured:
    """Bits really needed at the pair (D, C) that the published D(C, R) promises at ``rate_bits``.

    C is taken half way between h(S|X) and T(R), in the middle branch.
    """
    source = gaussian.GaussianSource(var_x, var_s, covariance)
    entropy = (source.least_entropy + gaussian.least_entropy_at_rate(source, rate_bits)) / 2
    promised = gaussian.published_middle_branch(source, entropy)
    needed = gaussian.rate(source, promised, entropy)
    best = gaussian.distortion(source, source.label_entropy, rate_bits)
    return Measured(
        float(needed),
        f"at C = {entropy:.3f} nats it promises D = {promised:.3f}; {rate_bits:g} bits reach D = "
        f"{best:.3f}, and no C below {gaussian.least_entropy_at_rate(source, rate_bits):.3f}",
    )


def theorem_1_monotone(run: Run, sources: int, seed: int = 0) -> Measured:
    """Worst certified rise of R(D, E), in bits, where D or E is relaxed; random finite sources."""
    worst = max(
        convexity.monotonicity_violation(*bounds).amount for bounds in _surfaces(sources, seed)
    )
    return Measured(worst, f"{sources} random sources, 17 x 17 constraints, certified bounds")


def theorem_1_convex(run: Run, sources: int, seed: int = 0) -> Measured:
    """Worst certified violation of convexity of R(D, E), in bits; random finite sources."""
    worst = max(
        convexity.convexity_violation(*bounds).amount for bounds in _surfaces(sources, seed)
    )
    return Measured(worst, f"{sources} random sources, all triples of 17 x 17 constraints")


def convexity_with_label_entropy(run: Run, sources: int, seed: int = 0) -> Measured:
    """Worst certified violation of convexity of R(D, C), C = H(S|Xhat), in bits.

    Brute force over channels of binary sources with binary reconstructions; the grid's own error is
    taken off, so a positive number is a proof. It rests on the small reconstruction alphabet: with a
    time-sharing tag inside Xhat, rate, distortion and entropy all average, and R(D, C) is convex.
    """
    found = convexity.search_non_convexity(sources, thresholds=9, seed=seed)
    (d, low), (_, high) = found.ends
    return Measured(
        found.certified,
        f"{found.violating} of {sources} random binary sources violate it, 9 x 9 constraints, cells of "
        f"{found.finest_cell:.1e}; worst at D = {d:.3g} between C = {low:.4f} and {high:.4f} bits; a "
        "larger reconstruction alphabet, with room for time sharing, restores convexity",
    )


def _surfaces(sources: int, seed: int):
    """Certified (lower, upper) bounds on a grid of constraints, a random finite source each."""
    generator = np.random.default_rng(seed)
    multipliers = np.concatenate([[0.0], np.geomspace(0.1, 50, 23)])
    for _ in range(sources):
        n, m = generator.integers(2, 6, size=2)
        classes = int(generator.integers(2, 4))
        posterior = generator.dirichlet(np.ones(classes), size=n)
        decisions = generator.integers(classes, size=m)
        problem = blahut_arimoto.FiniteProblem(
            generator.dirichlet(np.ones(n)),
            generator.uniform(size=(n, m)),
            blahut_arimoto.error_matrix(posterior, decisions),
        )
        least = problem.probabilities @ problem.distortion.min(axis=1)
        most = (problem.probabilities @ problem.distortion).max()
        easiest = (problem.probabilities @ problem.error).max()
        distortion = np.linspace(least, most, 17)
        error = np.linspace(0, easiest, 17)
        surface = blahut_arimoto.surface(problem, multipliers, multipliers)
        yield blahut_arimoto.bounds(surface, distortion[:, None], error[None, :])


QUERIES = {
    function.__name__: function
    for function in (
        bernoulli_rate,
        printed_rate_rises,
        gaussian_middle_branch,
        theorem_1_monotone,
        theorem_1_convex,
        convexity_with_label_entropy,
    )
}
