// Matrix products by oneDNN, loaded when a process asks for it.
//
// oneDNN is optional: without its header at build time or its library at run time, loading says
// so in a sentence, and OpenBLAS computes instead.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

// What a matrix is stored as.
enum relate_scalar { RELATE_FLOAT32, RELATE_BFLOAT16 };

// Everything about a product of row-major matrices but its operands' addresses:
// C = op(A) op(B), where op(A) is [rows, inner], op(B) is [inner, columns] and op is the transpose
// where asked. Sums are kept in float32 whatever the operands are. Strides are between rows of the
// matrices as they lie in memory.
struct relate_product {
  ptrdiff_t rows, columns, inner;
  ptrdiff_t stride_a, stride_b, stride_c;
  bool transpose_a, transpose_b;
  enum relate_scalar operands, result;
  // C += instead of C =.
  bool accumulates;
  // C = max(op(A) op(B) + bias, 0), with one bias for each column.
  bool has_bias_and_relu;
};

// Loads the library once (later calls return the first result) and limits it to the calling
// thread. Returns NULL, or a sentence that says what went wrong.
const char *_Nullable relate_onednn_load(void);

// NULL if the library multiplies bfloat16 matrices on this processor, or a sentence why not.
const char *_Nullable relate_onednn_lacks_bfloat16(void);

// The library's version and the instructions it uses, e.g. "oneDNN 2.6.3, avx512_core_bf16
// kernels"; "" before it is loaded.
const char *relate_onednn_description(void);

// Computes a product on the calling thread. The code for each kind of product is generated the
// first time it is asked for, and kept. `bias` is read only if the product has one. Returns false
// where the library does not know such a product or memory has run out.
bool relate_onednn_multiply(const struct relate_product *product, const void *a, const void *b,
                            const float *_Nullable bias, void *c);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
