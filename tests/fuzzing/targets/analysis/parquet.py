"""A file of results in Parquet, which pyarrow reads."""

from __future__ import annotations

import base64

from tests.fuzzing.target import Target
from tests.fuzzing.targets.analysis.results_files import read


def check(data: bytes) -> None:
    """The file as it is."""
    read("parquet", data)


# Of pyarrow.table({"path": ["a.py"], "x": [1.5], "s": [["a"]]}): to import what writes the file
# takes longer than most targets do.
_FILE = base64.b85decode(
    "P(e~L6#x|+6&x%T0u=xi1{DSz00002000020R#X50AVh0c@+Q^92Fca6#^9i6$TXs8~^|S0ssI20s#O3"
    "00000_&*f@6(SWPEENJ302Kxm1{?qY00IC200IC4000020|5X40AUpb8EiEG7zT4=Xk~3-"
    "6$Stm3?%{>1aM(=Xe9tl8~^|S6$&K+7y)<yH3Ap`a}@#=224Bv001=v7zAu-b95B~02K@+0vHEnY-Md_"
    "ZgeF8OdJ3J02Trn92q<&02~zz86^e)85jg`VRUE}02TrkLKZ?M2uU0j02Kfg0suS~2pI+$CIA8e001Tc"
    "92E)~B?bT)7y)<{02TrkLKZ?MN=Y0Q02Kfg0suTI1{o#*0ssI2CIB223>hT`02w#|a|CQ@b94t~Y-"
    "Md_Zgdp@76KMX7Dy(H0ZAMc02Kfg0suS~0vRR(02xLA00062000)u0Tu!#2o}r%04N}EVRCVGWppiLaB"
    "wYQa&m8XAa-SPb7^mGATl;CFfK6}JRAT38~^|u0000j0RR9{K~ga"
)

TARGET = Target(check, [_FILE], (b"PAR1", b"\x15\x00", b"\xff\xff\xff\x7f"), quick=0)
