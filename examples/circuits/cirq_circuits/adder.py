"""A ripple-carry adder in Cirq."""

import cirq


def ripple_adder(bits=2):
    """Add one register to another, with a carry that ripples through (Cuccaro and others)."""
    line = cirq.LineQubit.range(2 * bits + 2)
    rows = [(line[2 * bit], line[2 * bit + 1], line[2 * bit + 2]) for bit in range(bits)]
    circuit = cirq.Circuit()
    for before, one, other in rows:
        circuit.append([cirq.CNOT(other, one), cirq.CNOT(other, before)])
        circuit.append(cirq.TOFFOLI(before, one, other))
    circuit.append(cirq.CNOT(line[2 * bits], line[-1]))
    for before, one, other in reversed(rows):
        circuit.append(cirq.TOFFOLI(before, one, other))
        circuit.append([cirq.CNOT(other, before), cirq.CNOT(before, one)])
    return circuit
