// Products and sums of numbers that lie sixteen side by side, one in each lane of a vector.
//
// Products are added with one rounding each, asked for by name, so that all instruction sets give
// the same bits.
#include "lanes.h"
#include "functions.h"

// Eight outputs of `vectors` vectors side by side, all in registers.
INLINE void product_tile(const int vectors, ptrdiff_t inputs, const int32_t *offsets,
                         const float *weights, const float *bias, const float *x, ptrdiff_t x_step,
                         ptrdiff_t outputs, float *out, ptrdiff_t out_step,
                         ptrdiff_t output_step) {
  lanes sums[GROUP][3];
  for (int c = 0; c < GROUP; c++)
    for (int p = 0; p < vectors; p++) sums[c][p] = (lanes){} + (bias ? bias[c] : 0.0f);
  for (ptrdiff_t t = 0; t < inputs; t++) {
    const float *from = x + offsets[t];
    lanes v[3];
    for (int p = 0; p < vectors; p++) v[p] = AT(from + p * x_step);
    for (int c = 0; c < GROUP; c++) {
      lanes weight = (lanes){} + weights[t * GROUP + c];
      for (int p = 0; p < vectors; p++)
        sums[c][p] = __builtin_elementwise_fma(weight, v[p], sums[c][p]);
    }
  }
  for (int c = 0; c < GROUP; c++)
    if (c < outputs)
      for (int p = 0; p < vectors; p++) AT(out + c * output_step + p * out_step) = sums[c][p];
}

CLONES_WITH_FMA void relate_multiply_lanes(ptrdiff_t inputs, const int32_t *offsets,
                                           const float *weights, const float *bias, const float *x,
                                           ptrdiff_t x_step, ptrdiff_t vectors, ptrdiff_t outputs,
                                           float *out, ptrdiff_t out_step,
                                           ptrdiff_t output_step) {
  for (ptrdiff_t c = 0; c < outputs; c += GROUP) {
    ptrdiff_t i = 0;
#define TILE(count)                                                                               \
  product_tile(count, inputs, offsets, weights + c * inputs, bias ? bias + c : 0, x + i * x_step, \
               x_step, outputs - c, out + c * output_step + i * out_step, out_step, output_step)
    for (; i + 3 <= vectors; i += 3) TILE(3);
    if (i + 2 == vectors) TILE(2);
    if (i + 1 == vectors) TILE(1);
#undef TILE
  }
}

// The upper half onto the lower, until one lane is left.
CLONES void relate_sum_lanes(ptrdiff_t count, const float *x, float *out) {
  for (ptrdiff_t i = 0; i < count; i++, x += LANES) {
    lanes v = AT(x);
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    out[i] = v[0] + v[1];
  }
}
