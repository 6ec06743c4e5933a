"""Every set of tables against every other."""

from rdc import joblog, tables
from rdc.jpeg import savings

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
images = tables.read("jpeg_images", snakemake.input.images)
tables.write("jpeg_savings", savings.records(images, report), snakemake.output.savings)
