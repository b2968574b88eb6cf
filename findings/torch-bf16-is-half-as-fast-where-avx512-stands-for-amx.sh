#!/usr/bin/env bash
# A processor that says it has AVX512-BF16 need not multiply bf16 faster than float32. On Intel's
# Sapphire and Emerald Rapids the instruction (vdpbf16ps) does two multiplications, but at a quarter
# of the rate of float32's: without AMX, which virtual machines may hide, torch's linear, conv2d and
# scaled_dot_product_attention take about twice as long in bf16. mkldnn says all the same that bf16
# is supported. (On processors with AMX, or with another AVX512-BF16, this script has nothing to say
# and succeeds.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet torch==2.13.0 numpy==2.4.4

OMP_NUM_THREADS=1 "$folder/venv/bin/python" - <<'END'
import sys, time
import torch
from torch.nn import functional as F

had = torch.cpu.get_capabilities()
rapids = had.get("avx512_bf16") and had.get("avx512_fp16") and not had.get("amx_bf16")
torch.set_num_threads(1)
cases = {
    "linear, 2688 x 512 x 2048": (F.linear, (2688, 512), (2048, 512)),
    "conv2d, 384 to 768 channels, 3 x 3": (F.conv2d, (1, 384, 8, 336), (768, 384, 3, 3)),
    "attention, 8 heads of 64, 2688 tokens": (
        lambda q, k: F.scaled_dot_product_attention(q, k, k), (1, 8, 2688, 64), (1, 8, 2688, 64)),
}


def seconds(call, *shapes, of):
    given, times = [torch.randn(shape).to(of) for shape in shapes], []
    for _ in range(6):
        start = time.process_time()
        call(*given)
        times.append(time.process_time() - start)
    return min(times[1:])


print(f"torch {torch.__version__}: AVX512-BF16 {had.get('avx512_bf16')}, AMX {had.get('amx_bf16')}, "
      f"mkldnn's word on bf16 {torch.ops.mkldnn._is_mkldnn_bf16_supported()}")
slower = []
with torch.inference_mode():
    for name, (call, *shapes) in cases.items():
        whole, half = (seconds(call, *shapes, of=of) for of in (torch.float32, torch.bfloat16))
        slower.append(half > 1.3 * whole)
        print(f"  {name}: float32 {1e3 * whole:.1f} ms, bf16 {1e3 * half:.1f} ms")
if not rapids:
    print("this is no such processor")
sys.exit(bool(rapids) and not all(slower))
END
