"""The theoretical limits as rows of a table: closed forms, what was printed, and certified bounds."""

import json

import numpy as np

from rdc.limits import bernoulli, blahut_arimoto, gaussian


def bernoulli_rows(source: bernoulli.BernoulliSource, points: int) -> list[dict]:
    """R(D, E) of a two-class Bernoulli source on a grid: the closed form, and eq. 9 as printed.

    D runs over [0, 1.2 p], E from a little below the least error that any channel reaches to
    min(P1, P2), beyond which it constrains nothing; ``points`` of each.
    """
    p = min(source.p, 1 - source.p)
    distortion = np.linspace(0, 1.2 * p, points)
    low = min(source.base_error, min(source.priors))
    error = np.linspace(0.9 * low, 1.02 * min(source.priors), points)
    d, e = np.meshgrid(distortion, error, indexing="ij")
    rate, region = bernoulli.rate_and_region(source, d, e)
    printed = bernoulli.rate_as_printed(source, d, e)
    named = {"source": "bernoulli", "parameters": _json(source)}
    rows = _rows({**named, "method": "closed form"}, d, e, rate, region=region)
    return rows + _rows({**named, "method": "eq. 9 as printed"}, d, e, printed, region=region)


def bernoulli_problem(source: bernoulli.BernoulliSource) -> blahut_arimoto.FiniteProblem:
    """The same source as a finite problem: Hamming distortion, c0 says class 1 iff xhat = 1."""
    (prior1, prior2), (a1, a2) = source.priors, source.parameters
    joint = np.array([[prior1 * (1 - a1), prior2 * (1 - a2)], [prior1 * a1, prior2 * a2]])
    probabilities = joint.sum(axis=1)
    posterior = joint / probabilities[:, None]
    error = blahut_arimoto.error_matrix(posterior, [1, 0])  # xhat = 0 is read as class 2
    return blahut_arimoto.FiniteProblem(probabilities, 1.0 - np.eye(2), error)


def certified_rows(source: bernoulli.BernoulliSource, multipliers: int) -> list[dict]:
    """Certified points of the same surface by Blahut-Arimoto, ``multipliers`` squared of them."""
    steps = np.geomspace(0.05, 20, multipliers - 1)
    grid = np.concatenate([[0.0], steps])
    found = blahut_arimoto.surface(bernoulli_problem(source), grid, grid)
    named = {"source": "bernoulli", "parameters": _json(source), "method": "Blahut-Arimoto"}
    return _rows(named, found.distortion, found.error, found.rate, found.lower, found.rate)


def binary_rows(p: float, noise: float, points: int) -> list[dict]:
    """Two limits of one bit, Pr(X = 1) = p, on grids of ``points`` each way.

    R(D, P) of Blau and Michaeli, P the total variation between the bit and its reconstruction; and
    R(D, E), where the label to be read from the reconstruction is the bit, wrong with probability
    ``noise``.
    """
    most = min(p, 1 - p)
    distortion = np.linspace(0, 2 * p * (1 - p), points)
    given = {"parameters": json.dumps({"p": p, "noise": noise})}
    d, tv = np.meshgrid(distortion, np.linspace(0, most, points), indexing="ij")
    perception = bernoulli.rate_perception(p, d, tv)
    rows = _rows(
        given | {"source": "binary, perception", "method": "closed form"}, d, tv, perception
    )
    worst = noise + (1 - 2 * noise) * most  # a constant reconstruction's error
    d, e = np.meshgrid(distortion, np.linspace(0.9 * noise, worst, points), indexing="ij")
    noisy = bernoulli.rate_label_noise(p, noise, d, e)
    return rows + _rows(
        given | {"source": "binary, noisy label", "method": "closed form"}, d, e, noisy
    )


def gaussian_rows(source: gaussian.GaussianSource, points: int) -> list[dict]:
    """R(D, C) of a jointly Gaussian source and label on a grid; C in nats, D in units of var_x.

    And D(C, R) as published, whose middle branch promises pairs that no codec of that rate has:
    rows of method ``published middle branch`` hold its D and the true rate there.
    """
    distortion = np.linspace(0.05, 1.0, points) * source.var_x
    low, high = source.least_entropy, source.label_entropy
    entropy = low + (high - low) * np.linspace(0.02, 1.1, points)
    d, c = np.meshgrid(distortion, entropy, indexing="ij")
    named = {"source": "gaussian", "parameters": _json(source)}
    rows = _rows({**named, "method": "closed form"}, d, c, gaussian.rate(source, d, c))
    middle = gaussian.published_middle_branch(source, entropy)
    inside = np.isfinite(middle) & (middle > 0)
    true = gaussian.rate(source, middle[inside], entropy[inside])
    published = {**named, "method": "published middle branch"}
    return rows + _rows(published, middle[inside], entropy[inside], true)


def _rows(named, distortion, classification, rate, lower=None, upper=None, region=None):
    columns = {
        "distortion": distortion,
        "classification": classification,
        "rate_bits": rate,
        "lower_bits": rate if lower is None else lower,
        "upper_bits": rate if upper is None else upper,
    }
    flat = {name: np.ravel(values).astype(float) for name, values in columns.items()}
    regions = np.ravel(region) if region is not None else np.full(flat["rate_bits"].size, "")
    return [
        {**named, "region": str(regions[i]), **{name: float(v[i]) for name, v in flat.items()}}
        for i in range(regions.size)
    ]


def _json(source) -> str:
    return json.dumps(vars(source))
