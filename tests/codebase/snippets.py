"""One small file a language, and the definitions a reader finds in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    source: str
    expected: tuple[tuple[str, str, str], ...]
    """(kind, scope and name joined by `.`, documentation) in order of the file."""


SNIPPETS: dict[str, Snippet] = {
    "python": Snippet(
        '''\
import os


class Shelf(Base):
    """Holds books."""

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.books)


# Wakes the reader.
async def wake():
    await sleep(1)
''',
        (
            ("class", "Shelf", "Holds books."),
            ("function", "Shelf.size", "How many there are."),
            ("function", "wake", "Wakes the reader."),
        ),
    ),
    "java": Snippet(
        """\
package a.b;

/** Holds books. */
@Entity
public class Shelf<T> extends Base {
  private int size = 1; // not a doc

  public Shelf() {}

  /**
   * Puts a book back.
   * @param book which
   */
  @Override
  void put(Book book) throws Full { size++; }

  enum Kind { TALL, WIDE }
}

interface Reader { void read(); }
""",
        (
            ("class", "Shelf", "Holds books."),
            ("function", "Shelf.Shelf", ""),
            ("function", "Shelf.put", "Puts a book back.\n@param book which"),
            ("class", "Shelf.Kind", ""),
            ("class", "Reader", ""),
            ("function", "Reader.read", ""),
        ),
    ),
    "javascript": Snippet(
        """\
/** Opens a door. */
export default function open(door) { return door }

/** Shuts it. */
export const shut = async (door) => { await door.shut() };

class Door extends Thing {
  /** Knocks twice. */
  knock() { this.hit(); this.hit() }
  static #hinge = () => {}
}

/** Locks every door. */
Door.prototype.lock = function lock() {};
module.exports.house = { paint() {}, sell: () => 1 };
""",
        (
            ("function", "open", "Opens a door."),
            ("function", "shut", "Shuts it."),
            ("class", "Door", ""),
            ("function", "Door.knock", "Knocks twice."),
            ("function", "Door.#hinge", ""),
            ("function", "Door.lock", "Locks every door."),
            ("function", "paint", ""),
            ("function", "sell", ""),
        ),
    ),
    "typescript": Snippet(
        """\
/** A door. */
export abstract class Door<T> implements Thing {
  @Memo() private width(): number { return 1; }
  abstract open(): void;
  knock = () => 1;
}
export interface Thing { weigh(): number }
enum Colour { Red }
/** Measures anything. */
export const measure = <T>(thing: T): number => 1;
function paint(door: Door): void;
""",
        (
            ("class", "Door", "A door."),
            ("function", "Door.width", ""),
            ("function", "Door.open", ""),
            ("function", "Door.knock", ""),
            ("class", "Thing", ""),
            ("function", "Thing.weigh", ""),
            ("class", "Colour", ""),
            ("function", "measure", "Measures anything."),
            ("function", "paint", ""),
        ),
    ),
    "tsx": Snippet(
        """\
/** A button that counts. */
export const Counter: FC = ({ start }) => <button>{start}</button>;
function Page() { return <Counter start={1} />; }
""",
        (
            ("function", "Counter", "A button that counts."),
            ("function", "Page", ""),
        ),
    ),
    "go": Snippet(
        """\
package shelf

// Open opens the shelf.
// It may fail.
func Open(path string) (*Shelf, error) { return nil, nil }

// Put adds a book.
func (s *Shelf[K]) Put(book K) {}

// Far away, not about Shelf.

type Shelf[K any] struct { books []K }

type (
	// Reader reads.
	Reader interface { Read() }
)
""",
        (
            ("function", "Open", "Open opens the shelf.\nIt may fail."),
            ("function", "Shelf.Put", "Put adds a book."),
            ("class", "Shelf", ""),
            ("class", "Reader", "Reader reads."),
        ),
    ),
    "rust": Snippet(
        """\
//! About the crate.
/// Opens a shelf.
///
/// It may fail.
#[inline]
pub fn open<T>(path: T) -> i32 { 1 }

struct Shelf { size: i32 }

impl<T> Store for Shelf<T> {
    /// Puts one in.
    fn put(&self) {}
}

trait Store { fn put(&self); }
enum Kind { Tall }
macro_rules! shelf { () => {} }
""",
        (
            ("function", "open", "Opens a shelf.\n\nIt may fail."),
            ("class", "Shelf", ""),
            ("class", "Shelf", ""),
            ("function", "Shelf.put", "Puts one in."),
            ("class", "Store", ""),
            ("function", "Store.put", ""),
            ("class", "Kind", ""),
            ("function", "shelf", ""),
        ),
    ),
    "c": Snippet(
        """\
/* Adds two numbers. */
static int add(int a, int b) { return a + b; }

char *name(void) { return 0; }
struct Point { int x; };
typedef struct { int y; } Pair;
/** Declared here, defined elsewhere. */
int elsewhere(int);
int (*choose(int which))(int) { return 0; }
#define TWICE(x) ((x) * 2)
""",
        (
            ("function", "add", "Adds two numbers."),
            ("function", "name", ""),
            ("class", "Point", ""),
            ("class", "Pair", ""),
            ("function", "elsewhere", "Declared here, defined elsewhere."),
            ("function", "choose", ""),
            ("function", "TWICE", ""),
        ),
    ),
    "cpp": Snippet(
        """\
namespace house::rooms {
/// A door.
template <typename T>
class Door : public Thing {
 public:
  Door() : width(1) {}
  ~Door();
  /// How wide it is.
  virtual const std::string& Width() const = 0;
  bool operator==(const Door& o) { return true; }
};
}
int house::Door::Open(int angle) { Lock guard(mutex); return 1; }
enum class Kind { kTall };
template <class T> T identity(T value) { return value; }
""",
        (
            ("class", "house.rooms.Door", "A door."),
            ("function", "house.rooms.Door.Door", ""),
            ("function", "house.rooms.Door.~Door", ""),
            ("function", "house.rooms.Door.Width", "How wide it is."),
            ("function", "house.rooms.Door.operator==", ""),
            ("function", "house.Door.Open", ""),
            ("class", "Kind", ""),
            ("function", "identity", ""),
        ),
    ),
    "csharp": Snippet(
        """\
namespace House.Rooms {
  /// <summary>A door.</summary>
  [Serializable]
  public class Door : Thing {
    /// <summary>
    /// Opens it.
    /// </summary>
    public int Open<T>(int angle) { return 1; }
    public int Width { get { return 1; } set {} }
    public static Door operator +(Door a, Door b) => a;
    void Outer() { int inner() => 1; }
  }
  interface Thing { void Weigh(); }
}
""",
        (
            ("class", "House.Rooms.Door", "<summary>A door.</summary>"),
            ("function", "House.Rooms.Door.Open", "<summary>\nOpens it.\n</summary>"),
            ("function", "House.Rooms.Door.Width", ""),
            ("function", "House.Rooms.Door.operator", ""),
            ("function", "House.Rooms.Door.Outer", ""),
            ("function", "House.Rooms.Door.Outer.inner", ""),
            ("class", "House.Rooms.Thing", ""),
            ("function", "House.Rooms.Thing.Weigh", ""),
        ),
    ),
    "ruby": Snippet(
        """\
# A library.
# It lends.
module Library
  class Shelf < Base
    # Puts a book back.
    def put(book)
      1
    end

    def self.all; end
  end
end

# Alone.
private def alone = 1
""",
        (
            ("class", "Library", "A library.\nIt lends."),
            ("class", "Library.Shelf", ""),
            ("function", "Library.Shelf.put", "Puts a book back."),
            ("function", "Library.Shelf.all", ""),
            ("function", "alone", "Alone."),
        ),
    ),
    "php": Snippet(
        """\
<?php
namespace App;
/** A door. */
#[Entity]
abstract class Door extends Thing {
  /** Opens it. */
  public function open(int $angle): int { return 1; }
  abstract function shut();
}
trait Paintable {}
/** Alone. */
function alone() {}
""",
        (
            ("class", "Door", "A door."),
            ("function", "Door.open", "Opens it."),
            ("function", "Door.shut", ""),
            ("class", "Paintable", ""),
            ("function", "alone", "Alone."),
        ),
    ),
    "kotlin": Snippet(
        """\
package house
/** A door. */
@Entity
class Door(val width: Int) : Thing() {
  /** Opens it. */
  override fun open(angle: Int): Int { return 1 }
  companion object { fun all() = 1 }
}
object House { }
// Twice as long.
fun <T> List<T>.twice(): Int = 1
""",
        (
            ("class", "Door", "A door."),
            ("function", "Door.open", "Opens it."),
            ("class", "Door.Companion", ""),
            ("function", "Door.Companion.all", ""),
            ("class", "House", ""),
            ("function", "twice", "Twice as long."),
        ),
    ),
    "swift": Snippet(
        """\
/// A door.
@available(iOS 13, *)
public class Door: Thing {
  /// Opens it.
  func open(_ angle: Int) -> Int { return 1 }
  init(width: Int) {}
  subscript(i: Int) -> Int { return 1 }
}
protocol Thing { func weigh() }
extension Door: Thing { func weigh() {} }
""",
        (
            ("class", "Door", "A door."),
            ("function", "Door.open", "Opens it."),
            ("function", "Door.init", ""),
            ("function", "Door.subscript", ""),
            ("class", "Thing", ""),
            ("function", "Thing.weigh", ""),
            ("class", "Door", ""),
            ("function", "Door.weigh", ""),
        ),
    ),
    "scala": Snippet(
        """\
package house
/** A door. */
class Door(width: Int) extends Thing {
  /** Opens it. */
  def open(angle: Int): Int = { 1 }
}
object Door { def all = 1 }
trait Thing { def |+|(other: Thing): Thing }
""",
        (
            ("class", "Door", "A door."),
            ("function", "Door.open", "Opens it."),
            ("class", "Door", ""),
            ("function", "Door.all", ""),
            ("class", "Thing", ""),
            ("function", "Thing.|+|", ""),
        ),
    ),
    "lua": Snippet(
        """\
--- Opens a door.
-- Slowly.
local function open(door) return door end
--[[ Shuts it. ]]
function Door.shut(door) end
function Door:knock() end
Door.paint = function() end
local function_table = { sell = function() end }
""",
        (
            ("function", "open", "Opens a door.\nSlowly."),
            ("function", "Door.shut", "Shuts it."),
            ("function", "Door.knock", ""),
            ("function", "Door.paint", ""),
            ("function", "sell", ""),
        ),
    ),
    "haskell": Snippet(
        """\
module Door where

-- | Opens a door.
-- Slowly.
open :: Int -> Int
open 0 = 1
open n = 2

{- | What a door is. -}
data Door = Wood | Glass { panes :: Int }

class Thing a where
  weigh :: a -> Int

instance Thing Door where
  weigh _ = 1
""",
        (
            ("function", "open", "Opens a door.\nSlowly."),
            ("class", "Door", "What a door is."),
            ("class", "Thing", ""),
            ("class", "Thing", ""),
            ("function", "Thing.weigh", ""),
        ),
    ),
    "elixir": Snippet(
        '''\
defmodule House.Door do
  @moduledoc """
  A door.
  """

  @doc """
  Opens it.
  """
  @spec open(integer) :: integer
  def open(angle) when angle > 1 do
    angle
  end

  @doc "Shuts it."
  defp shut, do: 1

  def knock(1), do: 1
  def knock(2), do: 2
end
''',
        (
            ("class", "House.Door", "A door."),
            ("function", "House.Door.open", "Opens it."),
            ("function", "House.Door.shut", "Shuts it."),
            ("function", "House.Door.knock", ""),
        ),
    ),
    "zig": Snippet(
        """\
//! About the file.
const std = @import("std");
/// Opens a door.
pub fn open(angle: i32) i32 { return angle; }
/// A door.
pub const Door = struct {
    width: i32,
    /// Shuts it.
    pub fn shut(self: Door) void {}
};
""",
        (
            ("function", "open", "Opens a door."),
            ("class", "Door", "A door."),
            ("function", "Door.shut", "Shuts it."),
        ),
    ),
    "bash": Snippet(
        """\
#!/bin/bash
# Opens a door.
# Slowly.
open_door() {
  echo open
}

function shut {
  echo shut
}
""",
        (
            ("function", "open_door", "Opens a door.\nSlowly."),
            ("function", "shut", ""),
        ),
    ),
    "sql": Snippet(
        """\
-- All doors.
CREATE TABLE house.doors (id INT);
/* Opens one. */
CREATE OR REPLACE FUNCTION open_door(a INT) RETURNS INT AS $$
BEGIN RETURN 1; END;
$$ LANGUAGE plpgsql;
CREATE VIEW wide AS SELECT 1;
""",
        (
            ("class", "house.doors", "All doors."),
            ("function", "open_door", "Opens one."),
            ("class", "wide", ""),
        ),
    ),
}
