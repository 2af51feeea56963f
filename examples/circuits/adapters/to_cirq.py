"""From Qiskit to Cirq."""

import cirq

GATES = {
    "h": cirq.H,
    "x": cirq.X,
    "cx": cirq.CNOT,
    "cz": cirq.CZ,
    "swap": cirq.SWAP,
    "ccx": cirq.TOFFOLI,
}


def to_cirq(circuit):
    """Convert a Qiskit circuit to Cirq, gate by gate.

    Raises:
        ValueError: It has a gate that Cirq is not told of.
    """
    line = cirq.LineQubit.range(circuit.num_qubits)
    converted = cirq.Circuit()
    for instruction in circuit.data:
        gate = GATES.get(instruction.operation.name)
        if gate is None:
            raise ValueError(f"No gate of Cirq is {instruction.operation.name}.")
        places = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        converted.append(gate(*(line[place] for place in places)))
    return converted
