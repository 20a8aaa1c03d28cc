"""What a radiologist's nearest cases give without a model."""

from __future__ import annotations

from langgraph.store.memory import InMemoryStore

from coarse2fine.agents.memory import CaseMemory
from coarse2fine.evals.external import FLOORS, memory_floors
from coarse2fine.evals.layouts import Case
from coarse2fine.reports import Report


def test_the_nearest_case_and_the_medoid() -> None:
    memory = CaseMemory(InMemoryStore())
    findings = "Small left pleural effusion. No pneumothorax. Heart is normal."
    said = {"near": "Left fluid.", "b": "Small left effusion.", "c": "Small effusion, left.", "d": "Rib fracture."}
    memory.add([Report(id="near", findings=findings, impression=said["near"])], "r1")
    others = [Report(id=i, findings=f"{findings} Rib {i} is normal.", impression=said[i]) for i in ("b", "c", "d")]
    memory.add(others, "r1")
    floors = memory_floors(memory, "r1", 4)
    assert set(floors) == {*FLOORS, "nearest case", "medoid of 4 cases"}
    asked = Case(Report(findings=findings), "Small left effusion.")
    assert floors["nearest case"](asked) == "Left fluid."
    assert floors["medoid of 4 cases"](asked) == "Small left effusion."
    none = memory_floors(memory, "r2", 4)
    assert (none["nearest case"](asked), none["medoid of 4 cases"](asked)) == ("", "")
