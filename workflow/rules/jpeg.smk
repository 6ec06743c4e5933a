"""JPEG: quantization tables, and what they do to files, pixels and classifiers.

in:  photographs that ship inside a dependency, fetched pictures and classifiers, a user's own, or
     images and classifiers of this run
out: <results>/jpeg/{study}/{tables}_{sampling}.json and a folder of text files for cjpeg -qtables,
     examples_{sampling}.npz beside them, <results>/parts/jpeg_pictures/{study}.json (what counts of a
     user's folder), parts of the tables jpeg, jpeg_images, jpeg_samples and jpeg_rate,
     <results>/tables/jpeg_savings.parquet, and <results>/recode.py to use the tables with
"""


rule jpeg_pictures:
    input:
        files=lambda wildcards: JPEG_FOLDERS[wildcards.jpeg_study],
        code=closure("workflow/scripts/jpeg_pictures.py"),
    output:
        pictures="<results>/parts/jpeg_pictures/{jpeg_study}.json",
    log:
        "<logs>/jpeg_pictures/{jpeg_study}.log",
    benchmark:
        "<benchmarks>/jpeg_pictures/{jpeg_study}.tsv"
    threads: 2
    resources:
        mem_mb=2500,
        runtime=60,
    params:
        code=stamp("workflow/scripts/jpeg_pictures.py", *CODED_WITH),
        study=jpeg_pictures_settings,
        files=jpeg_places,
    script:
        "../scripts/jpeg_pictures.py"


rule jpeg_tables:
    input:
        files=jpeg_files,
        shipped=SHIPPED_TABLES,
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
        code=stamp("workflow/scripts/jpeg_tables.py", *CODED_WITH),
        settings=jpeg_table_settings,
        study=jpeg_study_settings,
        files=jpeg_places,
        subsampling=jpeg_subsampling,
        qualities=[25, 50, 75, 90],
    script:
        "../scripts/jpeg_tables.py"


rule jpeg_measure:
    input:
        tables=jpeg_start,
        files=jpeg_files,
        shipped=SHIPPED_TABLES,
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
        mem_mb=jpeg_memory,
        runtime=120,
    params:
        code=stamp("workflow/scripts/jpeg_measure.py", *CODED_WITH),
        run=CONFIG.run,
        settings=jpeg_table_settings,
        study=jpeg_study_settings,
        files=jpeg_places,
        subsampling=jpeg_subsampling,
        objective=jpeg_objective,
    script:
        "../scripts/jpeg_measure.py"


rule jpeg_samples:
    input:
        tables="<results>/jpeg/{jpeg_study}/{tables}_{sampling}.json",
        files=jpeg_files,
        code=closure("workflow/scripts/jpeg_samples.py"),
    output:
        rows="<results>/parts/jpeg_samples/{jpeg_study}/{tables}_{sampling}.parquet",
    log:
        "<logs>/jpeg_samples/{jpeg_study}/{tables}_{sampling}.log",
    benchmark:
        "<benchmarks>/jpeg_samples/{jpeg_study}/{tables}_{sampling}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=stamp("workflow/scripts/jpeg_samples.py", *CODED_WITH),
        run=CONFIG.run,
        study=jpeg_study_settings,
        files=jpeg_places,
        subsampling=jpeg_subsampling,
    script:
        "../scripts/jpeg_samples.py"


rule jpeg_rate:
    input:
        files=jpeg_files,
        shipped=SHIPPED_TABLES,
        code=closure("workflow/scripts/jpeg_rate.py"),
    output:
        rows="<results>/parts/jpeg_rate/{jpeg_study}/{sampling}.parquet",
    log:
        "<logs>/jpeg_rate/{jpeg_study}/{sampling}.log",
    benchmark:
        "<benchmarks>/jpeg_rate/{jpeg_study}/{sampling}.tsv"
    threads: 1
    resources:
        mem_mb=jpeg_memory,
        runtime=30,
    params:
        code=stamp("workflow/scripts/jpeg_rate.py", *CODED_WITH),
        run=CONFIG.run,
        study=jpeg_pictures_settings,
        files=jpeg_places,
        subsampling=jpeg_subsampling,
    script:
        "../scripts/jpeg_rate.py"


rule jpeg_savings:
    input:
        images="<results>/tables/jpeg_images.parquet",
        code=closure("workflow/scripts/jpeg_savings.py"),
    output:
        savings="<results>/tables/jpeg_savings.parquet",
    log:
        "<logs>/jpeg_savings.log",
    benchmark:
        "<benchmarks>/jpeg_savings.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=stamp("workflow/scripts/jpeg_savings.py"),
    script:
        "../scripts/jpeg_savings.py"


rule jpeg_examples:
    input:
        reference=jpeg_example_tables(0),
        tuned=jpeg_example_tables(1),
        files=jpeg_files,
        code=closure("workflow/scripts/jpeg_examples.py"),
    output:
        examples="<results>/jpeg/{jpeg_study}/examples_{sampling}.npz",
    log:
        "<logs>/jpeg_examples/{jpeg_study}/{sampling}.log",
    benchmark:
        "<benchmarks>/jpeg_examples/{jpeg_study}/{sampling}.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        code=stamp("workflow/scripts/jpeg_examples.py", *CODED_WITH),
        study=jpeg_pictures_settings,
        files=jpeg_places,
        subsampling=jpeg_subsampling,
    script:
        "../scripts/jpeg_examples.py"


rule jpeg_recode:
    input:
        script=own("rdc/jpeg/recode.py"),
    output:
        script="<results>/recode.py",
    log:
        "<logs>/jpeg_recode.log",
    localrule: True
    resources:
        mem_mb=100,
        runtime=5,
    shell:
        "cp {input.script} {output.script} 2> {log}"
