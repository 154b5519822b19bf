"""What nvcc makes of the device kernels for each architecture: registers, local memory, instructions."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from emulation import ROOT, once

NATIVE = ("80", "86", "89", "90", "90a")
"""Chips with 1-bit tensor cores (AND.POPC)."""
ARCHITECTURES = ("75", *NATIVE, "100", "120")

WARPGROUPS = "90a"
"""The one with warpgroup products."""
CLUSTERS = (WARPGROUPS, "90", "100", "120")
"""Those with thread block clusters."""
BUDGETS = {
    **{"_walk_wide_": 102, "__cuda_simt": 80},
    **{"__cuda_mma": 168, "__cuda_wgmma": 168, "__cuda_cluster": 128},
}
"""Registers of a thread, the first that suits: five blocks of 128, three of 256, three of 128, one of 384,
and one of 512 fit a multiprocessor."""
NATIVE_MMA_BUDGET = 128

PACKING_KERNELS = {"n64": 384, "n128": 160, "n256": 320, "dense": 320}
"""Outputs of a thread, all forms of weights together: a row of n columns is n / 4, of ternary weights n / 8;
two rows, and of 64 columns four or eight."""
PACKING_BUDGET = 1.0
"""Instructions of the integer ALU for each output that a warpgroup compares and packs, and all that stands in
the same straight runs of code (addresses of rows, the end of the loop)."""
ENDS_A_RUN = re.compile(r"(BRA|BSYNC|BSSY|BAR|CALL|DEPBAR|EXIT|RET|STG|SYNCS|WARPGROUP|WARPSYNC)\b")
NOT_ALU = re.compile(
    r"(IMAD|IDP|HFMA2|FFMA|FMUL|POPC|LD|ST|U[A-Z]|R2UR|SHFL|S2R|S2UR|CS2R|NOP|ATOM|SYNCS|BRA|"
    r"BSSY|BSYNC|BAR|WARPSYNC)"
)

WALK_BUDGETS = {(False, 1): 7.5, (False, 2): 14.0, (False, 4): 27.5, (True, 1): 12.0, (True, 2): 23.0}
"""The same for 32 pixels of the walk with 16 bytes a lane, by (boxes of any size, stages), without the steps
along the row of boxes of any size."""
WALK_STEP = 3.0
"""Of such a step."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("nvcc") is None, reason="nvcc is not here: machine code of the device is NOT checked"
    ),
]


@pytest.fixture(scope="module")
def cuobjdump() -> str | None:
    """The toolkit's disassembler, or the one that Triton carries."""
    found = shutil.which("cuobjdump")
    spec = None if found else importlib.util.find_spec("triton")
    if spec is not None and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / "backends" / "nvidia" / "bin" / "cuobjdump"
        found = str(path) if path.exists() else None
    return found


@pytest.fixture(scope="module", params=ARCHITECTURES)
def compiled(request, shared: Path) -> tuple[str, Path, str]:
    """Architecture, cubin of all kernels, and what the assembler says about them."""
    folder = shared / f"sm_{request.param}"
    folder.mkdir(exist_ok=True)
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / "kernels").glob("*/cuda_*.cu"))
    command = [
        *("nvcc", "-std=c++17", "-O3", "-fmad=false", "--expt-relaxed-constexpr", "-Werror", "all-warnings"),
        *("-Xptxas", "-v", f"-arch=sm_{request.param}", f"-I{ROOT}", "-cubin", str(folder / "all.cu")),
        *("-o", str(folder / "all.cubin")),
    ]
    with once(folder / "log") as missing:
        if missing:
            (folder / "all.cu").write_text("".join(f'#include "{path.as_posix()}"\n' for path in sources))
            result = subprocess.run(command, capture_output=True, text=True)
            assert result.returncode == 0, result.stderr
            (folder / "log").write_text(result.stdout + result.stderr)
    return request.param, folder / "all.cubin", (folder / "log").read_text()


def test_registers_and_local_memory(compiled):
    architecture, _, log = compiled
    entries = re.findall(
        r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads.*?Used (\d+) registers",
        log,
        re.DOTALL,
    )
    named = {name for path in (ROOT / "kernels").glob("*/cuda_*.cu") for name in _entries(path)}
    if architecture != WARPGROUPS:
        named = {name for name in named if "__cuda_wgmma" not in name}
    if architecture not in CLUSTERS:
        named = {name for name in named if "__cuda_cluster" not in name}
    assert {name for name, *_ in entries} == named
    for name, stack, stores, loads, registers in entries:
        assert (stack, stores, loads) == ("0", "0", "0"), f"{name} uses local memory"
        budget = next(count for part, count in BUDGETS.items() if part in name)
        if architecture in NATIVE and name.endswith("__cuda_mma"):
            budget = NATIVE_MMA_BUDGET
        assert int(registers) <= budget, f"{name}: {registers} registers, the budget is {budget}"


def _entries(path: Path) -> list[str]:
    return re.findall(r"(\w+__cuda_\w+)(?:\(const \w+ p\) \{|,\s*\w+,)", path.read_text("utf-8"))


def test_instructions(compiled, cuobjdump):
    architecture, cubin, _ = compiled
    if cuobjdump is None:
        pytest.skip("no cuobjdump (CUDA toolkit, or pip install triton): instructions are NOT checked")
    code = subprocess.run([cuobjdump, "-sass", str(cubin)], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\b(LDL|STL)\b", code), "local memory"
    assert "mma_bit_internal" not in code, "emulated 1-bit products"
    assert ("UCGABAR_ARV" in code) == (architecture in CLUSTERS), "barriers of clusters"
    products = set(re.findall(r"\b[BI]MMA\.[\w.]+", code))
    widths = {"64x64", "64x128", "64x256"} if architecture == WARPGROUPS else set()
    assert set(re.findall(r"\bBGMMA\.[\w.]+", code)) == {f"BGMMA.{width}x256.AND.POPC" for width in widths}
    if architecture in NATIVE:
        assert products == {"BMMA.168256.AND.POPC"}
    else:
        assert products == {"IMMA.8816.U8.U8" if architecture == "75" else "IMMA.16832.U8.U8"}


def packing_costs(code: str) -> dict[str, tuple[int, float]]:
    """Outputs and ALU instructions per output of the kernels for warpgroups; IDP.4A packs four."""
    costs = {}
    for part in re.split(r"\n\s+Function : ", code)[1:]:
        alu = outputs = 0
        run: list[str] = []
        for name in re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]+)", part):
            run.append(name)
            if not ENDS_A_RUN.match(name):
                continue
            packed = 4 * sum(instruction.startswith("IDP.4A") for instruction in run)
            if packed:
                outputs += packed
                alu += sum(NOT_ALU.match(instruction) is None for instruction in run)
            run = []
        if "__cuda_wgmma" in part.split()[0] and outputs:
            costs[part.split()[0]] = outputs, alu / outputs
    return costs


def test_packing_takes_at_most_an_instruction_per_output(compiled, cuobjdump):
    architecture, cubin, _ = compiled
    if architecture != WARPGROUPS or cuobjdump is None:
        pytest.skip("only for the code of warpgroup products, with cuobjdump")
    code = subprocess.run([cuobjdump, "-sass", str(cubin)], capture_output=True, text=True, check=True).stdout
    costs = packing_costs(code)
    assert len(costs) == len(PACKING_KERNELS)
    for kernel, (outputs, cost) in costs.items():
        (expected,) = [n for name, n in PACKING_KERNELS.items() if re.search(rf"_{name}(_|$)", kernel)]
        assert outputs == expected, f"{kernel}: the code that packs is not where it is counted"
        assert cost <= PACKING_BUDGET, f"{kernel}: {cost:.2f} ALU instructions per output"


def walk_costs(code: str) -> dict[tuple[bool, int], float]:
    """ALU instructions per 32 pixels of the walk's loops over rows, and what each of them makes.

    The loop at the end of a block of rows runs once a row and takes that long, and is unrolled.
    """
    costs: dict[tuple[bool, int], float] = {}
    (part,) = [p for p in re.split(r"\n\s+Function : ", code) if p.startswith("morphology_walk_wide")]
    found = re.findall(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]+)([^;]*);", part)
    inner = 0.0  # what is counted too much in loops that are inside the next one
    for end, branch, target in found:
        begin = re.search(r"0x([0-9a-f]+)", target)
        if branch != "BRA" or begin is None or int(begin[1], 16) >= int(end, 16):
            continue
        names = [name for at, name, _ in found if int(begin[1], 16) <= int(at, 16) <= int(end, 16)]
        alu = sum(NOT_ALU.match(name) is None for name in names)
        count = {kind: sum(name.startswith(kind) for name in names) for kind in ("STG", "LDS", "SHFL")}
        if count["STG"] == 0:
            inner += alu * (1 - 1 / count["LDS"])
            continue
        any_size, steps = count["LDS"] != 0, count["SHFL"] // 2
        stages = steps // count["STG"] // (4 if any_size else 1)
        cost = (alu - inner) / (4 * count["STG"]) - (WALK_STEP * 4 * stages if any_size else 0)
        costs[any_size, stages] = max(costs.get((any_size, stages), 0), cost)
        inner = 0
    return costs


def test_walks_are_quicker_than_memory(compiled, cuobjdump):
    architecture, cubin, _ = compiled
    if architecture != WARPGROUPS or cuobjdump is None:
        pytest.skip("only for Hopper's code, with cuobjdump")
    code = subprocess.run([cuobjdump, "-sass", str(cubin)], capture_output=True, text=True, check=True).stdout
    costs = walk_costs(code)
    print("ALU instructions per 32 pixels by (any size, stages):", costs)
    assert costs.keys() == WALK_BUDGETS.keys()
    for loop, cost in costs.items():
        assert cost <= WALK_BUDGETS[loop], f"{loop}: {cost:.2f}"
