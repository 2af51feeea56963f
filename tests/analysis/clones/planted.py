"""Small trees with duplicates of known types, in several languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from c2llm.analysis.clones.clone_class import CloneClass, CloneReport
from c2llm.analysis.clones.find import find_clones
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.search.code_index import CodeIndex


@dataclass(frozen=True)
class Planted:
    """One function written in four ways; `%s` is its name."""

    suffix: str
    original: str
    layout: str
    """Other layout and comments."""
    renamed: str
    """Other names and literals."""
    changed: str
    """A statement more and one changed."""
    other: str
    """Something else of the same length."""


PYTHON = Planted(
    ".py",
    """def total_price(orders, rate):
    total = 0
    for order in orders:
        if order.is_open():
            total += order.price * rate
        else:
            total -= order.refund(rate)
    log.info("priced", total)
    return round(total, 2)
""",
    """def total_price(orders, rate):
    # Open orders cost, closed ones give back.
    total = 0

    for order in orders:
        if order.is_open():
            total += order.price*rate  # before tax
        else:
            total -= order.refund( rate )
    log.info("priced", total)

    return round(total, 2)
""",
    """def whole_cost(bookings, factor):
    cost = 1
    for booking in bookings:
        if booking.is_valid():
            cost += booking.fee * factor
        else:
            cost -= booking.discount(factor)
    log.info("done", cost)
    return round(cost, 3)
""",
    """def total_price(orders, rate):
    total = 0
    seen = set()
    for order in orders:
        if order.is_open():
            total += order.price * rate
            seen.add(order.number)
        else:
            total -= order.refund(rate)
    log.info("priced", total)
    return total
""",
    """def connect(host, port, timeout=5):
    with socket.create_connection((host, port), timeout) as stream:
        stream.sendall(b"HELLO")
        while chunk := stream.recv(4096):
            yield chunk.decode("ascii")
    assert not stream.fileno() >= 0, "still open"
""",
)
JAVA = Planted(
    ".java",
    """class A {
int totalPrice(List<Order> orders, int rate) {
    int total = 0;
    for (Order order : orders) {
        if (order.isOpen()) { total += order.price() * rate; }
        else { total -= order.refund(rate); }
    }
    log.info("priced", total);
    return Math.round(total);
}
}
""",
    """class A {
    /** What all orders cost. */
    int totalPrice(List<Order> orders, int rate)
    {
        int total = 0; // so far
        for (Order order : orders)
        {
            if (order.isOpen())
            { total += order.price() * rate; }
            else
            { total -= order.refund(rate); }
        }
        log.info("priced", total); return Math.round(total);
    }
}
""",
    """class B {
int wholeCost(List<Booking> bookings, int factor) {
    int cost = 1;
    for (Booking booking : bookings) {
        if (booking.isValid()) { cost += booking.fee() * factor; }
        else { cost -= booking.discount(factor); }
    }
    out.warn("done", cost);
    return Numbers.cut(cost);
}
}
""",
    """class A {
int totalPrice(List<Order> orders, int rate) {
    int total = 0;
    Set<Integer> seen = new HashSet<>();
    for (Order order : orders) {
        if (order.isOpen()) { total += order.price() * rate; seen.add(order.number()); }
        else { total -= order.refund(rate); }
    }
    log.info("priced", total);
    return total;
}
}
""",
    """class C {
void connect(String host) throws IOException {
    try (Socket socket = new Socket(host, 80)) {
        socket.getOutputStream().write("HELLO".getBytes());
        byte[] buffer = new byte[4096];
        while (socket.getInputStream().read(buffer) > 0) { handler.accept(buffer); }
    }
    switch (state) { case OPEN: close(); break; default: throw new IllegalStateException(); }
}
}
""",
)
GO = Planted(
    ".go",
    """func totalPrice(orders []Order, rate int) int {
\ttotal := 0
\tfor _, order := range orders {
\t\tif order.IsOpen() {
\t\t\ttotal += order.Price * rate
\t\t} else {
\t\t\ttotal -= order.Refund(rate)
\t\t}
\t}
\tlog.Println("priced", total)
\treturn round(total)
}
""",
    """// totalPrice is what all orders cost.
func totalPrice(orders []Order, rate int) int {

\ttotal := 0
\tfor _, order := range orders { /* each */
\t\tif order.IsOpen() {
\t\t\ttotal += order.Price*rate
\t\t} else {
\t\t\ttotal -= order.Refund(rate)
\t\t}
\t}

\tlog.Println("priced", total)
\treturn round(total)
}
""",
    """func wholeCost(bookings []Booking, factor int) int {
\tcost := 1
\tfor _, booking := range bookings {
\t\tif booking.IsValid() {
\t\t\tcost += booking.Fee * factor
\t\t} else {
\t\t\tcost -= booking.Discount(factor)
\t\t}
\t}
\tlog.Println("done", cost)
\treturn round(cost)
}
""",
    """func totalPrice(orders []Order, rate int) int {
\ttotal := 0
\tseen := map[int]bool{}
\tfor _, order := range orders {
\t\tif order.IsOpen() {
\t\t\ttotal += order.Price * rate
\t\t\tseen[order.Number] = true
\t\t} else {
\t\t\ttotal -= order.Refund(rate)
\t\t}
\t}
\tlog.Println("priced", total)
\treturn total
}
""",
    """func connect(host string) (net.Conn, error) {
\tdialer := net.Dialer{Timeout: 5 * time.Second}
\tconnection, err := dialer.Dial("tcp", host)
\tif err != nil {
\t\treturn nil, fmt.Errorf("no way to %s: %w", host, err)
\t}
\tgo func() { <-done; connection.Close() }()
\treturn connection, nil
}
""",
)
ALL = {"python": PYTHON, "java": JAVA, "go": GO}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder, which is made."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
    return folder


def clones_of(*roots: Path, **options: object) -> CloneReport:
    """The duplicates in trees."""
    indexes = [CodeIndex.open(root, embed="none") for root in roots]
    try:
        for number, index in enumerate(indexes):
            index.label = f"r{number}" if len(indexes) > 1 else ""
        return find_clones(indexes, ClonesRequest(**options))  # type: ignore[arg-type]
    finally:
        for index in indexes:
            index.close()


def paths(one: CloneClass) -> set[str]:
    """Of the members."""
    return {member.path for member in one.members}
