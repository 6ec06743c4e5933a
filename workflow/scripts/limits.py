"""The theoretical limits as a table."""

from rdc import config, joblog, tables
from rdc.limits import bernoulli, gaussian, surfaces

report = joblog.start(snakemake.log[0], expected=(ValueError,))
settings = config.Limits.model_validate(snakemake.params.settings)
rows = []
for given in settings.bernoulli:
    source = bernoulli.BernoulliSource(given.priors, given.parameters)
    rows += surfaces.bernoulli_rows(source, settings.points)
    rows += surfaces.certified_rows(source, settings.multipliers)
for given in settings.binary:
    rows += surfaces.binary_rows(given.p, given.noise, settings.points)
for given in settings.gaussian:
    source = gaussian.GaussianSource(given.var_x, given.var_s, given.covariance)
    rows += surfaces.gaussian_rows(source, settings.points)
frame = tables.write("limits", rows, snakemake.output.limits)
report(f"{len(frame)} points")
