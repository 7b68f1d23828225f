"""A good provider of a made-up service, with its sandbox: what the broken ones are made from."""
