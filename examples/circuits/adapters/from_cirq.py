"""From Cirq to Qiskit."""

import cirq
from qiskit import QuantumCircuit


def from_cirq(circuit):
    """Convert a Cirq circuit to Qiskit, operation by operation.

    Raises:
        ValueError: It has a gate that Qiskit is not told of.
    """
    place = {qubit: number for number, qubit in enumerate(sorted(circuit.all_qubits()))}
    converted = QuantumCircuit(len(place))
    methods = {
        cirq.H: converted.h,
        cirq.X: converted.x,
        cirq.CNOT: converted.cx,
        cirq.CZ: converted.cz,
        cirq.SWAP: converted.swap,
        cirq.TOFFOLI: converted.ccx,
    }
    for operation in circuit.all_operations():
        method = methods.get(operation.gate)
        if method is None:
            raise ValueError(f"No gate of Qiskit is {operation.gate}.")
        method(*(place[qubit] for qubit in operation.qubits))
    return converted
