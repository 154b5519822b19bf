"""Everything that only a machine with a GPU can show, in one command and under nine minutes.

    bash benchmarks/gpu_suite/run.sh OUTDIR            # on the GPU
    bash benchmarks/gpu_suite/run.sh OUTDIR --dry-run  # emulated driver, tiny sizes: tests the suite itself

Each part runs in a process of its own and writes one file; a part that fails is recorded and stops no other.
"""
