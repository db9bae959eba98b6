// OpenBLAS, loaded when a process asks for it instead of when it starts.
//
// Why not link it: OpenBLAS 0.3.21 chooses its kernels in a constructor and does not know every
// processor (on an AMD Zen 5 it falls back to its Haswell kernels, half as fast). The variable that
// overrides the choice has to be in the environment before that constructor runs, which a program
// that links the library can only arrange by starting itself a second time.
#pragma once
#include <stdbool.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

// Row-major C = alpha * op(A) * op(B) + beta * C, as cblas_sgemm; op is the transpose where asked.
void relate_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

// Loads the library once (later calls return the first result): picks the widest kernels the
// processor can run unless OPENBLAS_CORETYPE already names some, and limits the library to the
// calling thread. Returns NULL, or a sentence that says what went wrong.
const char *_Nullable relate_openblas_load(void);

// The library's own words on itself, e.g. "OpenBLAS 0.3.21 ..."; "" before it is loaded.
const char *relate_openblas_configuration(void);

// The kernels in use, e.g. "SkylakeX" (AVX-512) or "Haswell" (AVX2); "" before it is loaded.
const char *relate_openblas_kernels(void);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
