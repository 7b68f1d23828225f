"""One small statement of each format, as its bank writes it, and how to read one."""

from __future__ import annotations

import io

from tp_gateway.contract.statements import StatementLine
from tp_gateway.providers.bank_transfer.statements import parse

CBA = b"""\
11/04/2026,"+180.00","Transfer from PAYER ONE  NetBank TP1234","+1180.00"
10/04/2026,"-12.50","Account Fee","+1000.00"
"""

NAB_HEADER = (
    b"Date,Amount,Account Number,,Transaction Type,Transaction Details,Balance,Category,Merchant Name,Processed On"
)
NAB = (
    NAB_HEADER
    + b"""\r
10 Apr 26,180.00,701314870,,INTER-BANK CREDIT,PAYER ONE TP1234,1180.00,Transfers in,,10 Apr 26\r
09 April 26,-12.5,701314870,,FEES,ACCOUNT FEE,1000.00,Fees,,\r
08 Apr 26,0.00,701314870,,MISCELLANEOUS DEBIT,PLEASE NOTE YOUR RATE IS CHANGING,1012.50,,,08 Apr 26\r
"""
)

WESTPAC = b"""\
Bank Account,Date,Narrative,Debit Amount,Credit Amount,Balance,Categories,Serial
032157360625,17/07/2026,"DEPOSIT-OSKO PAYMENT 2686772 PAYER ONE TP1234",,614.00,46729.14,DEP,
032157360625,16/07/2026,"WITHDRAWAL, CHEQUE",50.00,,46115.14,PAYMENT,000123
"""

ANZ = b"""\
10/04/2026,"180.00","TRANSFER FROM PAYER ONE","TP1234","PAYER ONE",,,
09/04/2026,"-12.50","ACCOUNT FEE"
08/04/2026,"-40.00","PAYMENT","887766","A SUPPLIER"
"""

OFX_SGML = b"""\
OFXHEADER:100
DATA:OFXSGML
VERSION:102
ENCODING:USASCII
CHARSET:1252

<OFX>
<SIGNONMSGSRSV1><SONRS><DTSERVER>20260412</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1
<STMTRS>
<CURDEF>AUD
<BANKACCTFROM><BANKID>062000<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST>
<STMTTRN>
<TRNTYPE>CREDIT
<DTPOSTED>20260410120000.000[+10:AEST]
<TRNAMT>180.00
<FITID>F1
<REFNUM>TP1234
<NAME>Transfer from PAYER &amp; SON
<MEMO>Transfer from PAYER &amp; SON NetBank
</STMTTRN>
<STMTTRN>
<TRNTYPE>INT
<DTPOSTED>20260409
<TRNAMT>-1.5
<CHECKNUM>000123
<NAME>Interest
</STMTTRN>
</BANKTRANLIST>
<LEDGERBAL><BALAMT>1180.00<DTASOF>20260412</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1>
</OFX>
"""

OFX_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200" VERSION="211"?><OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS>'
    b"<CURDEF>AUD</CURDEF><BANKACCTFROM><BANKID>062000</BANKID><ACCTID>12345678</ACCTID></BANKACCTFROM><BANKTRANLIST>"
    b"<STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20260410</DTPOSTED><TRNAMT>180.00</TRNAMT><FITID>F1</FITID>"
    b"<REFNUM>TP1234</REFNUM><PAYEE><NAME>PAYER ONE</NAME></PAYEE><MEMO/></STMTTRN>"
    b"</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)

MT940 = b"""\
{1:F01BANKAU2SXXXX0000000000}{2:I940CLINICXXXXN}{4:
:20:STATEMENT1
:25:062000/12345678
:28C:101/1
:60F:C260409AUD1000,00
:61:2604100410CD180,00NTRFTP1234//B1
:86:TRANSFER FROM PAYER ONE
SESSION OF MARCH
:61:2604100411D12,5NCHGNONREF
:62F:C260411AUD1167,50
:86:THE STATEMENT AS A WHOLE
-}
"""

CAMT = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId></GrpHdr>
<Stmt>
<Acct><Id><Othr><Id>06200012345678</Id></Othr></Id><Ccy>AUD</Ccy><Ownr><Id><OrgId><Othr><Id>99</Id></Othr></OrgId></Id>
</Ownr></Acct>
<Ntry>
<Amt Ccy="AUD">180.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-04-10</Dt></BookgDt><ValDt><Dt>2026-04-09</Dt></ValDt><AcctSvcrRef>B1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>TP1234</EndToEndId></Refs>
<RltdPties><Dbtr><Pty><Nm>PAYER ONE</Nm></Pty></Dbtr></RltdPties>
<RmtInf><Ustrd>Session</Ustrd><Ustrd>of March</Ustrd></RmtInf></TxDtls></NtryDtls>
</Ntry>
<Ntry>
<Amt Ccy="AUD">12.5</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><DtTm>2026-04-11T09:30:00+10:00</DtTm></BookgDt>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs></TxDtls></NtryDtls>
<AddtlNtryInf>ACCOUNT FEE</AddtlNtryInf>
</Ntry>
</Stmt></BkToCstmrStmt></Document>
"""

EACH = {
    "CBA CSV": CBA,
    "NAB CSV": NAB,
    "Westpac CSV": WESTPAC,
    "ANZ CSV": ANZ,
    "OFX": OFX_SGML,
    "MT940": MT940,
    "CAMT.053": CAMT,
}


def lines(content: bytes) -> list[StatementLine]:
    return list(parse(io.BytesIO(content), None).lines)
