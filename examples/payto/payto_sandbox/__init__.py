"""A stand-in for a PayTo service and for the banks behind it, with books of its own. It shares no code with the
provider: the two agree because both keep the service's documentation, which is this package's README."""

from payto_sandbox.server import PayToSandbox

__all__ = ["PayToSandbox"]
