"""What the gateway does, in terms of the clinic: no HTTP above, no provider's name below. Each service gets its
collaborators once."""

from tp_gateway.services.gateway import Gateway, build_gateway

__all__ = ["Gateway", "build_gateway"]
