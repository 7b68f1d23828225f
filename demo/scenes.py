"""The demo's scenes, in the order in which they are played."""

from demo import admin_scenes, card_scenes, document_scenes, later_scenes

SCENES = (
    ("A patient pays for an appointment by card", card_scenes.card_payment),
    ("The bank declines the card", card_scenes.declined_card),
    ("There is not enough money on the card; another card is tried", card_scenes.insufficient_funds),
    ("The bank wants to be sure (3-D Secure)", card_scenes.three_d_secure),
    ("The patient types the card into the provider's own form in the browser", card_scenes.card_form),
    ("A card is saved, and charged later", card_scenes.saved_card),
    ("An invoice is paid in two parts, the second one twice with the same Idempotency-Key", card_scenes.invoice),
    ("The practice manager refunds a part of the first payment", card_scenes.refund),
    ("An invoice is paid by bank transfer: the money is seen on the bank's statement", later_scenes.bank_transfer),
    ("A session is bulk billed: Medicare pays the clinic, and that is payment in full", later_scenes.bulk_bill),
    ("The clinic says who it is; an invoice is made, and its PDF written to a file", document_scenes.invoice),
    ("The admin changes a setting, and sees who changed what", admin_scenes.settings),
    ("The admin looks at the year: every sum agrees", admin_scenes.analytics),
)
