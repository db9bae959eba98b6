// The same for processors with AVX2 and FMA: float32 alone.
#include "panel_vectors_avx2.h"

#include "panel_lists.h"

bool relate_panels_run_on_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#define TARGET FLOAT32_TARGET
#define NAMED(name) name##_float32_avx2
#define MULTIPLY_ADD multiply_add_float32
#define VALUES_PER_WORD 1
#include "panel_kernels.h"
