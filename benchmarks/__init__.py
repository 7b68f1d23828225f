"""The gateway beside its peers: `make bench BENCH=<folder of the harness>`. What is compared, and how, is in
docs/performance.md."""
