"""RDC Atlas: one command from raw images to a report.

snakemake --cores all                                    # the demo, config/config.yaml
snakemake --cores all --configfile config/mnist.yaml     # another config instead of it
"""

import os

from snakemake.utils import min_version

min_version("9.20")


report: "workflow/report/workflow.rst"


# Of the folder that one works in, if there is one, else of this checkout.
DEFAULT = "config/config.yaml"
if not os.path.exists(DEFAULT):
    DEFAULT = os.path.join(str(workflow.current_basedir), DEFAULT)

# Snakemake would merge a --configfile into this one; here each config file is complete, so the
# default is read only where no other was named.
if not workflow.overwrite_configfiles:

    configfile: DEFAULT


include: "workflow/rules/common.smk"
include: "workflow/rules/jpeg_inputs.smk"


pathvars:
    results=f"results/{CONFIG.run}",
    logs=f"logs/{CONFIG.run}",
    benchmarks=f"benchmarks/{CONFIG.run}",


wildcard_constraints:
    **WILDCARDS,


include: "workflow/rules/data.smk"
include: "workflow/rules/classifiers.smk"
include: "workflow/rules/codecs.smk"
include: "workflow/rules/jpeg.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


# Not sent to a cluster: targets, table gathering, and downloads, since compute nodes often have no network.
localrules:
    all,
    fetch,
    trained,
    tables,
    gather,
    figures,


# Said last, under the failed jobs' own messages.
onerror:
    said = "".join(Path(path).read_text() for path in log)
    print(machine.disk_fault(said, f"results/{CONFIG.run}") or machine.AGAIN)


# Everything.
rule all:
    default_target: True
    input:
        report=rules.report.output,
        tables=rules.tables.input,
        figures=rules.figures.input,
        recode=rules.jpeg_recode.output if CONFIG.jpeg.studies else [],
