"""What the Medicare provider says about itself: a table, no behaviour."""

from tp_gateway.contract import Capabilities, Manifest
from tp_gateway.providers.medicare.evidence import EvidenceFields
from tp_gateway.providers.medicare.parameters import BulkBillFields, RebateFields
from tp_gateway.providers.medicare.settings import Settings

_PATIENT = {
    "family_name": "Sample",
    "given_name": "Onlyname",
    "date_of_birth": "1980-02-03",
    "medicare_number": "2123456701",
    "irn": "1",
}
MANIFEST = Manifest(
    slug="medicare",
    method="medicare",
    display_name="Medicare bulk bill",
    currencies=frozenset({"AUD"}),
    capabilities=Capabilities(
        two_step=True,
        fetch=True,
        screens=True,
        # Medicare refuses a correlation id that a lodged claim has used (9777).
        resumable=True,
        evidence=True,
        rebates=True,
    ),
    settings_schema=Settings(),
    parameters_schema=BulkBillFields(),
    sole_payer=True,
    settles_exactly=False,
    evidence_schema=EvidenceFields(),
    rebate_schema=RebateFields(),
    examples=({"item": "80110", "patient": _PATIENT, "referral": {"override_code": "N"}},),
)
