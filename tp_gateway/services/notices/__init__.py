"""What patients are told: receipts, refunds, reminders of overdue invoices; by e-mail, SMS or WhatsApp."""

from tp_gateway.services.notices.mail import Email, MailServer
from tp_gateway.services.notices.reading import Notices
from tp_gateway.services.notices.reminders import Reminders
from tp_gateway.services.notices.texts import Texts
from tp_gateway.services.notices.wording import Wording

__all__ = ["Email", "MailServer", "Notices", "Reminders", "Texts", "Wording"]
