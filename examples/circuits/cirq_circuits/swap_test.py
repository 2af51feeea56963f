"""The swap test in Cirq."""

import cirq


def swap_test(size=2):
    """Compare two registers: the helper is zero the more often the more they are alike."""
    helper, *both = cirq.LineQubit.range(2 * size + 1)
    circuit = cirq.Circuit(cirq.H(helper))
    for one, other in zip(both[:size], both[size:]):
        around = cirq.CNOT(other, one)
        circuit.append([around, cirq.TOFFOLI(helper, one, other), around])
    circuit.append(cirq.H(helper))
    return circuit
