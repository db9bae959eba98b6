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

// Rows are added up in eights first, and the eights in double precision: of many thousand terms in
// a row, the last ones would be rounded to the size of the sum of all before. Columns are taken a
// strip at a time, whose sums stay in the first-level cache.
enum { BLOCK = 8, STRIP = 512, NARROW = 32 };

// total[j] += the sum of column j of a block of rows.
INLINE void add_block(const float *const *row, ptrdiff_t j, double *restrict total) {
  float partial = row[0][j];
  for (int r = 1; r < BLOCK; r++) partial += row[r][j];
  total[j] += partial;
}

// total[j] += the sum over rows of x[order[i], j], or of x[i, j] where `order` is NULL.
//
// Of many rows in turn the next block is fetched meanwhile: its eight runs are too short for the
// processor to see them coming.
INLINE void add_strip(ptrdiff_t rows, const int32_t *order, ptrdiff_t columns, ptrdiff_t width,
                      const float *x, double *restrict total) {
  enum { LINE = 16, MANY = 1 << 20 };
  const bool fetches = !order && rows * columns > MANY;
  ptrdiff_t i = 0;
  for (; i + BLOCK <= rows; i += BLOCK) {
    const float *row[BLOCK];
    for (int r = 0; r < BLOCK; r++) row[r] = x + (order ? order[i + r] : i + r) * columns;
    ptrdiff_t j = 0;
    for (; j + LINE <= width; j += LINE) {
      for (int r = 0; fetches && r < BLOCK; r++) __builtin_prefetch(row[r] + BLOCK * columns + j);
      for (int lane = 0; lane < LINE; lane++) add_block(row, j + lane, total);
    }
    for (; j < width; j++) add_block(row, j, total);
  }
  for (; i < rows; i++) {
    const float *row = x + (order ? order[i] : i) * columns;
    for (ptrdiff_t j = 0; j < width; j++) total[j] += row[j];
  }
}

INLINE void add_strips(ptrdiff_t rows, const int32_t *order, ptrdiff_t columns, const float *x,
                       float *restrict sums) {
  for (ptrdiff_t start = 0; start < columns; start += STRIP) {
    const ptrdiff_t width = columns - start < STRIP ? columns - start : STRIP;
    double total[STRIP];
    for (ptrdiff_t j = 0; j < width; j++) total[j] = 0;
    add_strip(rows, order, columns, width, x + start, total);
    for (ptrdiff_t j = 0; j < width; j++) sums[start + j] = (float)(sums[start + j] + total[j]);
  }
}

CLONES void relate_add_rows(ptrdiff_t rows, const int32_t *order, ptrdiff_t columns,
                            const float *x, float *restrict sums) {
  add_strips(rows, order, columns, x, sums);
}

// Several narrow rows are one wide row, whose parts are added up at last.
CLONES void relate_add_columns(ptrdiff_t rows, ptrdiff_t columns, const float *x,
                               float *restrict sums) {
  if (columns == 0) return;
  if (columns > NARROW) {
    add_strips(rows, NULL, columns, x, sums);
    return;
  }
  const ptrdiff_t parts = 2 * NARROW / columns, width = parts * columns, wide = rows / parts;
  double total[2 * NARROW] = {0};
  add_strip(wide, NULL, width, width, x, total);
  add_strip(rows - wide * parts, NULL, columns, columns, x + wide * width, total);
  for (ptrdiff_t part = 1; part < parts; part++)
    for (ptrdiff_t j = 0; j < columns; j++) total[j] += total[part * columns + j];
  for (ptrdiff_t j = 0; j < columns; j++) sums[j] = (float)(sums[j] + total[j]);
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
