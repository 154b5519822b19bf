"""Seeded faults: kernels changed in one place, each of which the emulated checks must catch."""

import subprocess
from concurrent.futures import Future
from pathlib import Path

import pytest
from emulation import CHECKS, ROOT, Builder, prefetch
from mutants_elements import ELEMENTS, Mutant

_MMA = "threshold_conv2d/cuda_mma.cu"
_WARP = "threshold_conv2d/cuda_mma_tiles.cuh"
_FEED = "threshold_conv2d/cuda_mma_feeder.cuh"
_CHAIN = "threshold_conv2d/cuda_mma_chain.cu"
_LAYERS = "threshold_conv2d/cuda_mma_chain.cuh"
_CLUSTER = "threshold_conv2d/cuda_cluster_chain.cu"
_SIMT = "threshold_conv2d/cuda_simt.cu"
_WGMMA = "threshold_conv2d/cuda_wgmma.cu"
_DENSE = "threshold_conv2d/cuda_wgmma_dense.cu"
_TILES = "threshold_conv2d/cuda_tiles"
_FINISH = "threshold_conv2d/cuda_tiles_finish.cuh"
_PROGRAM = "elementwise/cuda_simt.cu"
MUTANTS = [
    Mutant("wrong row of a fragment", "windows", _WARP, "stage.rows[row + 8]", "stage.rows[row + 7]", _MMA),
    Mutant("wrong stride of rows", "windows", _FEED, "k * (kThreads / kParts)", "k * (kThreads / 8)", _MMA),
    Mutant(
        "no barrier before a stage is read",
        "windows",
        _WARP,
        "at.sync();\n    if (q +",
        "if (q +",
        _MMA,
    ),
    Mutant("copies awaited too late", "windows", _WARP, "wait<kStages - 2>", "wait<kStages - 1>", _MMA),
    Mutant("stage refilled while in use", "windows", _WARP, "q + kStages - 1) %", "q + kStages) %", _MMA),
    Mutant("no barrier before shared memory is reused", "windows", _MMA, "__syncthreads();  //", "//"),
    Mutant(
        "no warp barrier between tiles",
        "windows",
        _MMA,
        "    __syncwarp();\n  }\n}",
        "  }\n}",
    ),
    Mutant(
        "a thread that skips the barrier",
        "windows",
        _WARP,
        "at.sync();\n    if (q +",
        "if (threadIdx.x != 5) at.sync();\n    if (q +",
        _MMA,
    ),
    Mutant("threshold off by one", "windows", _WARP, "count >= threshold[", "count > threshold[", _MMA),
    Mutant("popcount of half a quad", "windows", _WARP, "r.ones[m][i], 2)", "r.ones[m][i], 1)", _MMA),
    Mutant("|minus| forgotten", "windows", _WARP, "if (ternary) count -=", "if (ternary) count -= 0 *", _MMA),
    Mutant(
        "bit lost on the way to bytes",
        "windows",
        "common/cuda/mma.cuh",
        "a[m][r] >> i &",
        "a[m][r] >> (i + 1) &",
        _MMA,
        ("-DBINMORPH_MMA=32",),
    ),
    Mutant(
        "weights of two columns exchanged",
        "windows",
        "threshold_conv2d/cuda_pack.cpp",
        "in_block / 16 * 2 + in_block % 2",
        "in_block / 16 * 2 + 1 - in_block % 2",
    ),
    Mutant(
        "padding beyond the last channel",
        "windows",
        _SIMT,
        "Border::ones ? group",
        "Border::ones ? ~std::uint64_t{0}",
    ),
    Mutant("border clamped one too far", "windows", "common/cuda/window.cuh", "size) - 1;", "size);", _SIMT),
    Mutant(
        "two roundings for one",
        "numbers",
        "elementwise/cuda_program.cuh",
        "__fmaf_rn(v, step.first[channel], step.second",
        "twice(v, step.first[channel], step.second",
        _PROGRAM,
    ),
    Mutant(
        "clamped values above", "numbers", "elementwise/cuda_program.cuh", "v >= step", "v > step", _PROGRAM
    ),
    Mutant(
        "tail of the border",
        "morphology",
        "morphology2d/cuda_simt.cu",
        "(border & ~low_bits",
        "(0 & low_bits",
    ),
    Mutant("rows out of step", "morphology", "morphology2d/cuda_simt.cu", "rows[(i + 2) % 3]", "rows[i % 3]"),
    Mutant("counts that never equal", "morphology", "bisel/cuda_simt.cu", "~(plane[k] ^ t) &", "0 &"),
    Mutant(
        "halves of a word exchanged",
        "morphology",
        "bisel/cuda_simt.cu",
        "p.minus, mask, part",
        "p.minus, mask, 0",
    ),
    Mutant("stride of tables", "morphology", "truth_table/cuda_simt.cu", "1u << p.reads", "1u << 1"),
    Mutant(
        "inputs of a table in another order",
        "morphology",
        "truth_table/cuda_simt.cu",
        "<< input",
        "<< (input ^ 1)",
    ),
    Mutant("sources of the launch before", "packing", "concat/cuda_simt.cu", "begin > first ? *dst : 0", "0"),
    Mutant("distance of chunks", "tiles", _WGMMA, "columns * 16, 128, Sw", "columns * 8, 128, Sw"),
    Mutant("distance of rows", "tiles", _WGMMA, "(pixels), 0, 128, Sw", "(pixels), 0, 256, Sw"),
    Mutant(
        "a swizzle that nobody wrote", "tiles", _WGMMA, "0, 128, Swizzle::none", "0, 128, Swizzle::bytes32"
    ),
    Mutant("products not awaited", "tiles", _WGMMA, "wgmma_wait<0>", "wgmma_wait<1>"),
    Mutant("weights not awaited", "tiles", _WGMMA, "  barrier_wait(at.weights_here, 0);\n", ""),
    Mutant(
        "wrong phase of a full stage",
        "tiles",
        _WGMMA,
        "stage, n / kTileStages & 1)",
        "stage, ~n / kTileStages & 1)",
    ),
    Mutant("empty stage not awaited", "tiles", _WGMMA, "(n / kTileStages & 1) ^ 1", "(n / kTileStages & 1)"),
    Mutant(
        "stage given back before it is read",
        "tiles",
        _WGMMA,
        "wgmma_wait<0>();\n    settle(sum);",
        "settle(sum);",
    ),
    Mutant("no fence between the proxies", "tiles", _WGMMA, "    fence_proxy();\n", ""),
    Mutant(
        "rows of two tiles mixed", "tiles", _WGMMA, "  sync_group(group, kWarpgroup);  // every", "  // every"
    ),
    Mutant("bytes not announced", "tiles", _WGMMA, "weights_here, t.block_bytes);", "weights_here, 0);"),
    Mutant(
        "parts of a slot",
        "tiles",
        _TILES + ".cuh",
        "copy_async<kBytes>(slot - h * 16 + h",
        "copy_async<kBytes>(slot - h * 16 + (parts - 1 - h)",
        _WGMMA,
    ),
    Mutant("weights of a byte's halves", "tiles", _FINISH, "0x80402010u", "0x08040201u", _WGMMA),
    Mutant("distance of steps", "tiles", _WGMMA, "moved(b, columns * 2)", "moved(b, columns)"),
    Mutant("room before the first slot", "tiles", _TILES + ".cpp", "t.parts - 1 + c.slots", "c.slots"),
    Mutant("rows of a fragment", "tiles", _FINISH, "m * 64 + half * 8]", "m * 64 + half * 4]", _WGMMA),
    Mutant("products of ternary weights", "tiles", _FINISH, "start -= static", "start += static", _WGMMA),
    Mutant("columns of a fragment", "tiles", _TILES + ".cpp", "8 * 2 + column % 2", "8 * 2 + 1 - column % 2"),
    Mutant("threshold off by one in 16 bits", "tiles", _TILES + ".cpp", "0x8000 - v", "0x7FFF - v"),
    Mutant("complement of a word", "tiles", _FINISH, "- (eight == 0 ? 1 : 0)", "- 0", _WGMMA),
    Mutant("swizzle of the wrong row", "dense", _DENSE, "thread / 8 % 8) * 16", "thread / 8 % 4) * 16"),
    Mutant("stage given back a slice early", "dense", _DENSE, "wgmma_wait<1>", "wgmma_wait<2>"),
    Mutant("wrong distance of swizzled rows", "dense", _DENSE, "(mine), 16, 1024", "(mine), 16, 512"),
    Mutant("rows of odd windows", "dense", _TILES + ".cpp", "row % 2) + 1) >> 1", "row % 2)) >> 1"),
    Mutant("overlaps with the launch before", "windows", _MMA, "  take_turn();\n", ""),
    Mutant(
        "pixels that may not be there yet",
        "tiles",
        _WGMMA,
        "  await_previous();  // weights",
        "  // weights",
    ),
    Mutant("slices that may not be there yet", "dense", _DENSE, "  await_previous();\n", ""),
    Mutant(
        "no barrier between layers", "chain", _CHAIN, "else\n      sync_grid", "else if (l > 9) sync_grid"
    ),
    Mutant("stages refilled for the next tile", "chain", _LAYERS, "at.sync();  //", "//", _CHAIN),
    Mutant("a block that does not meet", "chain", _CHAIN, "if (l == 0)", "if (l == 0 || blockIdx.x > 1)"),
    Mutant(
        "tiles of the layer before", "chain", _LAYERS, "block = tile % blocks", "block = tile % 1", _CHAIN
    ),
    Mutant("no barrier of the cluster", "cluster", _CLUSTER, "sync_cluster();\n      take", "take"),
    Mutant("a block that leaves too early", "cluster", _CLUSTER, "sync_cluster();  //", "//"),
    Mutant("rows that others still fetch", "cluster", _CLUSTER, "    __syncthreads();\n", ""),
    Mutant("input that may not be there yet", "cluster", _CLUSTER, "      await_previous();\n", ""),
    Mutant("results overwritten while read", "cluster", _CLUSTER, "l % 2 * kept", "l % 1 * kept"),
    Mutant("stages of a team free too early", "cluster", _LAYERS, "at.sync();  //", "//", _CLUSTER),
    Mutant("teams that meet one another", "cluster", _CLUSTER, "sync_group(1 + team()", "sync_group(1"),
    Mutant("results of a neighbour", "cluster", _CLUSTER, "of(tile / share", "of((tile + 1) / share"),
    Mutant(
        "a row too few", "cluster", "threshold_conv2d/cuda_chain.h", ", (g.kernel_h - 1) *", ", 0 *", _CLUSTER
    ),
    Mutant("channel of the next word", "packing", "flatten/cuda_simt.cu", "c / 64]", "c / 65]"),
    *ELEMENTS,
]
"""``twice`` is a product and a sum, each rounded: what a kernel would do without fma."""

_TWICE = (
    "__device__ inline float twice(float a, float b, float c) { return __fadd_rn(__fmul_rn(a, b), c); }\n"
)


def _changed(mutant: Mutant, folder: Path) -> Path:
    """A folder that holds the changed file."""
    text = (ROOT / "kernels" / mutant.file).read_text("utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.name}: {mutant.file} has changed; mend the mutant"
    text = text.replace(mutant.old, mutant.new)
    if "twice(" in text:
        text = text.replace("namespace binmorph::cuda {\n", "namespace binmorph::cuda {\n" + _TWICE, 1)
    changed = folder / "kernels" / mutant.file
    changed.parent.mkdir(parents=True)
    changed.write_text(text, "utf-8")
    return folder


def _start(builder: Builder, mutant: Mutant, folder: Path) -> list[Future[Path]]:
    """The objects of the check, with the changed one in its place."""
    check, *kernels = builder.start_check(mutant.check)
    source = mutant.source or mutant.file
    at = CHECKS[mutant.check].index(source)
    flags = (*mutant.flags, "-Wno-error")
    kernels[at] = builder.start(f"kernels/{source}", *flags, changed=_changed(mutant, folder))
    return [check, *kernels]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {m.name: tmp_path_factory.mktemp("mutant") for m in MUTANTS}


@pytest.fixture(scope="module")
def started(builder, folders) -> dict[str, list[Future[Path]]]:
    return {m.name: _start(builder, m, folders[m.name]) for m in MUTANTS} if prefetch() else {}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name.replace(" ", "_"))
def test_mutant_is_caught(builder, folders, started, mutant, tmp_path):
    objects = started.get(mutant.name) or _start(builder, mutant, folders[mutant.name])
    program = builder.link([future.result() for future in objects], tmp_path / "program")
    environment = {"BINMORPH_STOP_AT_FAILURE": "1"}
    result = subprocess.run([program], capture_output=True, text=True, timeout=240, env=environment)
    assert result.returncode != 0, f"the checks passed with this fault: {result.stdout}"
