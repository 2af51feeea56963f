"""A ripple-carry adder in Qiskit."""

from qiskit import QuantumCircuit


def ripple_adder(bits=2):
    """Add one register to another, with a carry that ripples through (Cuccaro and others)."""
    circuit = QuantumCircuit(2 * bits + 2)
    carry, out = 0, 2 * bits + 1
    rows = [(carry if bit == 0 else 2 * bit, 2 * bit + 1, 2 * bit + 2) for bit in range(bits)]
    for before, one, other in rows:
        circuit.cx(other, one)
        circuit.cx(other, before)
        circuit.ccx(before, one, other)
    circuit.cx(2 * bits, out)
    for before, one, other in reversed(rows):
        circuit.ccx(before, one, other)
        circuit.cx(other, before)
        circuit.cx(before, one)
    return circuit
