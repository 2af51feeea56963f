"""Run jobs on another team's simulator; it grew an adapter of its own."""

import cirq

KNOWN = dict(h=cirq.H, x=cirq.X, cx=cirq.CNOT, cz=cirq.CZ, ccx=cirq.TOFFOLI)


def _translated(job):
    """The job's Qiskit circuit as one for Cirq."""
    qubits = cirq.LineQubit.range(job.circuit.num_qubits)
    result = cirq.Circuit()
    for step in job.circuit.data:
        if step.operation.name not in KNOWN:
            raise ValueError(f"unknown gate {step.operation.name}")
        wires = [job.circuit.find_bit(bit).index for bit in step.qubits]
        result.append(KNOWN[step.operation.name](*(qubits[wire] for wire in wires)))
    return result


def run(job, repetitions=100):
    """Simulate a job and count what was measured."""
    circuit = _translated(job)
    circuit.append(cirq.measure(*circuit.all_qubits(), key="all"))
    return cirq.Simulator().run(circuit, repetitions=repetitions).histogram(key="all")
