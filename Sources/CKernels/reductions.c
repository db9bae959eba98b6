// Sums, in an order that does not depend on the instruction set.
#include "functions.h"
#include "kernels.h"

// Adds up sixteen partial sums: one AVX-512 register, two of AVX2 or four of the baseline.
INLINE float total(float *sums) {
  for (int width = 8; width; width /= 2)
    for (int i = 0; i < width; i++) sums[i] += sums[i + width];
  return sums[0];
}

#define LANE_SUM(expression)                                            \
  float sums[16] = {0};                                                 \
  ptrdiff_t i = 0;                                                      \
  for (; i + 16 <= count; i += 16)                                      \
    for (int lane = 0; lane < 16; lane++) {                             \
      ptrdiff_t k = i + lane;                                           \
      sums[lane] += (expression);                                       \
    }                                                                   \
  for (; i < count; i++) {                                              \
    ptrdiff_t k = i;                                                    \
    sums[i & 15] += (expression);                                       \
  }                                                                     \
  return total(sums)

CLONES float relate_sum(ptrdiff_t count, const float *x) { LANE_SUM(x[k]); }

CLONES float relate_dot(ptrdiff_t count, const float *x, const float *y) { LANE_SUM(x[k] * y[k]); }

CLONES float relate_squared_deviations(ptrdiff_t count, const float *x, float mean) {
  LANE_SUM((x[k] - mean) * (x[k] - mean));
}

CLONES float relate_centred_dot(ptrdiff_t count, const float *x, float mean, const float *y) {
  LANE_SUM((x[k] - mean) * y[k]);
}

CLONES void relate_add_columns(ptrdiff_t rows, ptrdiff_t columns, const float *restrict x,
                               float *restrict sums) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < columns; j++) sums[j] += x[i * columns + j];
}

CLONES void relate_softmax(ptrdiff_t rows, ptrdiff_t columns, const float *restrict x,
                           bool logarithm, float *restrict out) {
  for (ptrdiff_t i = 0; i < rows; i++, x += columns, out += columns) {
    float largest = -INFINITY, sum = 0;
    for (ptrdiff_t j = 0; j < columns; j++) largest = x[j] > largest ? x[j] : largest;
    for (ptrdiff_t j = 0; j < columns; j++) out[j] = exponential(x[j] - largest);
    for (ptrdiff_t j = 0; j < columns; j++) sum += out[j];
    if (logarithm) {
      float shift = logarithm_of(sum);
      for (ptrdiff_t j = 0; j < columns; j++) out[j] = (x[j] - largest) - shift;
    } else {
      for (ptrdiff_t j = 0; j < columns; j++) out[j] /= sum;
    }
  }
}

CLONES float relate_binary_cross_entropy(ptrdiff_t count, const float *x, const float *targets) {
  LANE_SUM((x[k] > 0 ? x[k] : 0) - x[k] * targets[k] +
           logarithm_of_one_plus(exponential(x[k] > 0 ? -x[k] : x[k])));
}
