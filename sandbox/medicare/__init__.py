"""A stand-in for PRODA and Medicare's claiming services on loopback. It must never see a real card or a real key."""

from sandbox.medicare.sandbox import MedicareSandbox

__all__ = ["MedicareSandbox"]
