// The products of g, each finished while its result is in registers: for processors with AVX-512.
#ifndef PANEL_VECTORS
#define PANEL_VECTORS "panel_vectors_avx512.h"
#endif
#include PANEL_VECTORS

#include "panel_lists.h"

bool relate_panels_are_supported(void) { return has_instructions(); }
bool relate_panels_support_bfloat16(void) { return has_bfloat16_instructions(); }

// MARK: float32

#define TARGET FLOAT32_TARGET
#define NAMED(name) name##_float32
#define MULTIPLY_ADD multiply_add_float32
#define VALUES_PER_WORD 1
#include "panel_kernels.h"

#undef TARGET
#undef NAMED
#undef MULTIPLY_ADD
#undef VALUES_PER_WORD

// MARK: bfloat16

#define TARGET BFLOAT16_TARGET
#define NAMED(name) name##_bfloat16
#define MULTIPLY_ADD multiply_add_bfloat16
#define VALUES_PER_WORD 2
#include "panel_kernels.h"
