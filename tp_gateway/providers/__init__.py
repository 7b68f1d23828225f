"""The providers that come with the gateway, without privilege: each is registered and switched on like anyone's."""
