"""Tells committed facts to whoever wants to hear them: plugins, the clinic's backend, patients. From a table that
survives a crash, at least once, in order, and to each destination at its own pace."""

from tp_gateway.services.outbox.destinations import Destination, NotTold, PluginListener
from tp_gateway.services.outbox.relay import Outbox
from tp_gateway.services.outbox.webhook import Endpoint, Webhook

__all__ = ["Destination", "Endpoint", "NotTold", "Outbox", "PluginListener", "Webhook"]
