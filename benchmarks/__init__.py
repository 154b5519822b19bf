"""What only a checkout needs: costs of kernels, the suite for GPUs, results. Suites: binmorph.bench."""
