"""Words that shape code in some language; what else looks like a name may be renamed.

One list for all: that a language has no such word makes it a name that is not renamed, no more.
Names of primitive types are no keywords here, since a clone of type 2 may change them.
"""

from __future__ import annotations

KEYWORDS = frozenset(
    """
    abstract and as assert async await begin break case catch chan class const constexpr continue
    data def default defer defn del delete deriving do done elif else elsif elseif end endif enum
    esac except export extends extern extension fallthrough fi final finally fn for foreach from fun
    func function global go goto guard if impl implements import in include inline instanceof
    instance interface is lambda let local loop macro match mod module mut namespace native new nil
    none not null of operator or package pass private proc protected protocol pub public raise
    range redo ref rescue require return select self sizeof static struct sub super switch
    synchronized template then this throw throws trait transient try type typedef typename union
    unless unsafe until use using val var virtual volatile when where while with yield
    true false undefined
    """.split()
)
