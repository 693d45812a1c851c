"""Names that the sandbox's company is drawn from."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMPANIES = _words("""
northwind bluepeak harborline fernhill cloudmill sunfield
""")
DEPARTMENTS = _words("""
engineering data finance sales support marketing operations security
""")
JOBS = _words("""
backup deploy etl metrics mailer billing-export image-resize scanner terraform
""")
FIRST = _words("""
ada aiko alba amelia amir anika anton aria ayo bela carlos chen chloe daria david diego ebba elif
emil emma farah felix fiona gabriel grace hana hugo ida imani ines ivan jamal jonas jun kaito karin
kofi lara leila leo lin luca maja malik mara mateo mei mila mina nadia nils noor olga omar paula
priya rafael rana ravi rosa sam samira sara sven tara theo uma viktor wanda yara yusuf zoe
""")
LAST = _words("""
adeyemi ahmed alvarez andersen bauer becker berg bianchi brown castro chen costa cruz dahl diaz
dubois evans ferrari fischer garcia gomez haddad hansen hoang ibrahim ito jansen jones kaya khan kim
kowalski kumar larsen lee lopez mancini martin meyer moreau mueller nakamura nguyen novak okafor
olsen osei park patel perez petrov popescu rossi russo sato schmidt silva singh smith sokolov tanaka
torres vargas weber wilson wong yilmaz young zhang
""")
