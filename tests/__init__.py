"""The promises of TP Gateway, each as a test that can fail: one folder per kind of promise."""
