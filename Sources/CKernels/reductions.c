// Sums, in an order that does not depend on the instruction set. Those that become statistics are
// in double precision: of a hundred thousand scalars they must not be less exact than what is made
// with them.
#include "functions.h"
#include "kernels.h"

// Adds up sixteen partial sums: two AVX-512 registers, four of AVX2 or eight of the baseline.
INLINE double total(double *sums) {
  for (int width = 8; width; width /= 2)
    for (int i = 0; i < width; i++) sums[i] += sums[i + width];
  return sums[0];
}

#define LANE_SUM(expression)                                            \
  double sums[16] = {0};                                                 \
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

CLONES double relate_sum(ptrdiff_t count, const float *x) { LANE_SUM(x[k]); }

CLONES double relate_dot(ptrdiff_t count, const float *x, const float *y) {
  LANE_SUM((double)x[k] * y[k]);
}

CLONES double relate_squared_deviations(ptrdiff_t count, const float *x, double mean) {
  LANE_SUM(((double)x[k] - mean) * ((double)x[k] - mean));
}

CLONES double relate_centred_dot(ptrdiff_t count, const float *x, double mean, const float *y) {
  LANE_SUM(((double)x[k] - mean) * y[k]);
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

CLONES double relate_binary_cross_entropy(ptrdiff_t count, const float *x, const float *targets) {
  LANE_SUM((x[k] > 0 ? x[k] : 0) - x[k] * targets[k] +
           logarithm_of_one_plus(exponential(x[k] > 0 ? -x[k] : x[k])));
}
