"""JPEG: quantization tables, and what they do to files, pixels and classifiers.

in:  photographs that ship inside a dependency, or fetched pictures and classifiers
out: <results>/jpeg/{study}/{tables}_{sampling}.json and a folder of text files for cjpeg -qtables,
     parts of the tables jpeg, jpeg_images and jpeg_rate
"""


rule jpeg_tables:
    input:
        files=jpeg_files,
        code=closure("workflow/scripts/jpeg_tables.py"),
    output:
        tables="<results>/jpeg/{jpeg_study}/{tables}_{sampling}.json",
        text=directory("<results>/jpeg/{jpeg_study}/{tables}_{sampling}"),
    log:
        "<logs>/jpeg_tables/{jpeg_study}/{tables}_{sampling}.log",
    benchmark:
        "<benchmarks>/jpeg_tables/{jpeg_study}/{tables}_{sampling}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=jpeg_table_settings,
        study=jpeg_study_settings,
        subsampling=jpeg_subsampling,
        qualities=[25, 50, 75, 90],
    script:
        "../scripts/jpeg_tables.py"


rule jpeg_measure:
    input:
        tables="<results>/jpeg/{jpeg_study}/{tables}_{sampling}.json",
        files=jpeg_files,
        code=closure("workflow/scripts/jpeg_measure.py"),
    output:
        rows="<results>/parts/jpeg/{jpeg_study}/{tables}_{sampling}.parquet",
        images="<results>/parts/jpeg_images/{jpeg_study}/{tables}_{sampling}.parquet",
    log:
        "<logs>/jpeg_measure/{jpeg_study}/{tables}_{sampling}.log",
    benchmark:
        "<benchmarks>/jpeg_measure/{jpeg_study}/{tables}_{sampling}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        run=CONFIG.run,
        study=jpeg_study_settings,
        subsampling=jpeg_subsampling,
        objective=jpeg_objective,
        seed=lambda wildcards: CONFIG.jpeg.tables[wildcards.tables].seed,
    script:
        "../scripts/jpeg_measure.py"


rule jpeg_rate:
    input:
        files=jpeg_files,
        code=closure("workflow/scripts/jpeg_rate.py"),
    output:
        rows="<results>/parts/jpeg_rate/{jpeg_study}/{sampling}.parquet",
    log:
        "<logs>/jpeg_rate/{jpeg_study}/{sampling}.log",
    benchmark:
        "<benchmarks>/jpeg_rate/{jpeg_study}/{sampling}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        run=CONFIG.run,
        study=jpeg_pictures_settings,
        subsampling=jpeg_subsampling,
    script:
        "../scripts/jpeg_rate.py"
