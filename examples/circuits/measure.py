"""Count the gates of each circuit and write what came of it.

    python examples/circuits/measure.py demo

copies the circuits to the folder `demo` and writes `demo/metrics.json`. Neither Qiskit nor Cirq is
needed: the files are run against stand-ins that only note which gate is put on which qubits. With
`--check` the same numbers are taken from the installed libraries and compared.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
FOLDERS = {"qiskit": "qiskit_circuits", "cirq": "cirq_circuits"}
Gates = list[tuple[int, ...]]
"""The qubits of each gate, in order."""


class Noted:
    """Stands for a circuit of Qiskit: every method is a gate on the whole numbers it is given."""

    def __init__(self, qubits: int) -> None:
        self.gates: Gates = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        angles = 1 if name in ("rx", "ry", "rz", "p", "cp") else 0
        return lambda *given: self.gates.append(given[angles:])


class Gate:
    """Stands for a gate of Cirq: called with qubits it is an operation, its power is a gate."""

    def __call__(self, *qubits: int) -> tuple[int, ...]:
        return qubits

    def __pow__(self, exponent: float) -> Gate:
        return self


class Circuit:
    """Stands for a circuit of Cirq, which takes operations in lists in lists."""

    def __init__(self, *operations: Any) -> None:
        self.gates: Gates = []
        self.append(operations)

    def append(self, operations: Any) -> None:
        """Put operations at the end."""
        self.gates += _flat(operations)


def _flat(operations: Any) -> Iterator[tuple[int, ...]]:
    if isinstance(operations, tuple) and operations and isinstance(operations[0], int):
        yield operations
        return
    for one in operations:
        yield from _flat(one)


def stand_ins() -> dict[str, ModuleType]:
    """Modules with as much of both libraries as the circuits use."""
    qiskit, cirq = ModuleType("qiskit"), ModuleType("cirq")
    qiskit.QuantumCircuit = Noted  # type: ignore[attr-defined]
    for name in ("H", "X", "CNOT", "CZ", "SWAP", "TOFFOLI"):
        setattr(cirq, name, Gate())
    for name in ("rx", "ry", "rz"):
        setattr(cirq, name, lambda angle: Gate())
    cirq.Circuit = Circuit  # type: ignore[attr-defined]
    cirq.LineQubit = type("LineQubit", (), {"range": lambda count: list(range(count))})  # type: ignore[attr-defined]
    return {"qiskit": qiskit, "cirq": cirq}


def metrics(gates: Iterable[tuple[int, ...]]) -> dict[str, int]:
    """Qubits, depth and numbers of gates; a gate is as early as its qubits let it be."""
    busy: dict[int, int] = {}
    sizes = []
    for qubits in gates:
        level = 1 + max(busy.get(qubit, 0) for qubit in qubits)
        busy.update(dict.fromkeys(qubits, level))
        sizes.append(len(qubits))
    return {
        "qubits": len(busy),
        "depth": max(busy.values()),
        "gates": len(sizes),
        "two_qubit_gates": sizes.count(2),
    }


def real_metrics(framework: str, circuit: Any) -> dict[str, int]:
    """The same from the libraries themselves."""
    if framework == "qiskit":
        sizes = [len(one.qubits) for one in circuit.data]
        return {
            "qubits": circuit.num_qubits,
            "depth": circuit.depth(),
            "gates": len(sizes),
            "two_qubit_gates": sizes.count(2),
        }
    sizes = [len(one.qubits) for one in circuit.all_operations()]
    return {
        "qubits": len(circuit.all_qubits()),
        "depth": len(circuit),
        "gates": len(sizes),
        "two_qubit_gates": sizes.count(2),
    }


def measured(*, check: bool = False) -> list[dict[str, Any]]:
    """A row for each circuit."""
    if not check:
        sys.modules.update(stand_ins())
    rows = []
    for framework, folder in FOLDERS.items():
        for file in sorted((HERE / folder).glob("*.py")):
            names: dict[str, Any] = {}
            exec(file.read_text(encoding="utf-8"), names)  # our own files
            public = (
                name
                for name, value in names.items()
                if getattr(value, "__code__", None) and not name.startswith("_")
            )
            (name,) = public
            circuit = names[name]()
            found = real_metrics(framework, circuit) if check else metrics(circuit.gates)
            row = {"file": f"{folder}/{file.name}", "function": name, "framework": framework}
            rows.append({**row, "metrics": found})
    return rows


def main(folder: Path) -> None:
    """Copy the circuits and write their metrics."""
    for part in (*FOLDERS.values(), "adapters"):
        shutil.copytree(HERE / part, folder / part, dirs_exist_ok=True)
    rows = measured()
    (folder / "metrics.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} circuits and their metrics are in {folder}")


if __name__ == "__main__":
    given = sys.argv[1:]
    if given == ["--check"]:
        real = measured(check=True)
        assert real == measured(), "the stand-ins count otherwise"
        print(f"{len(real)} circuits: the libraries count the same")
    else:
        main(Path(given[0] if given else "demo"))
