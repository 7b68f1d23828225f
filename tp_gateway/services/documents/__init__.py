"""Documents of what is in the store: what an invoice, a credit note or a payment's receipt says is read here, and set
by `tp_gateway.documents`."""

from tp_gateway.services.documents.service import Documents, MadeDocument

__all__ = ["Documents", "MadeDocument"]
