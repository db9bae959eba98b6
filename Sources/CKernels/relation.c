// What the relation does to a tile of pairs between two matrix products, while it is in the cache.
//
// ReLU is written `x < 0 ? 0 : x`, which lets not-a-number through, so that a broken run is
// noticed.
#include "functions.h"
#include "kernels.h"

// Rows are added up in eights first: of hundreds of terms in a row, the last ones would be rounded
// to the size of the sum of all before.
enum { BLOCK = 8 };

#define ACTIVATION float
#define NAMED(name) name
#define LOAD(x) (x)
#define STORE(x) (x)
#include "activations.h"
#undef ACTIVATION
#undef NAMED
#undef LOAD
#undef STORE

#define ACTIVATION uint16_t
#define NAMED(name) name##_bfloat16
#define LOAD(x) float_of((int32_t)((uint32_t)(x) << 16))
#define STORE(x) bfloat16_of(x)
#include "activations.h"

CLONES void relate_round_to_bfloat16(ptrdiff_t count, const float *restrict x,
                                     uint16_t *restrict out) {
  for (ptrdiff_t i = 0; i < count; i++) out[i] = bfloat16_of(x[i]);
}

CLONES void relate_bias_relu(ptrdiff_t rows, ptrdiff_t width, const float *restrict bias,
                             float *restrict x) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float y = x[i * width + j] + bias[j];
      x[i * width + j] = y < 0 ? 0 : y;
    }
}

CLONES void relate_sum_rows(ptrdiff_t rows, ptrdiff_t width, const float *restrict x,
                            float *restrict sum) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    ptrdiff_t count = rows - i < BLOCK ? rows - i : BLOCK;
    const float *block = x + i * width;
    if (count < BLOCK) {
      for (ptrdiff_t r = 0; r < count; r++)
        for (ptrdiff_t j = 0; j < width; j++) sum[j] += block[r * width + j];
    } else {
      for (ptrdiff_t j = 0; j < width; j++) {
        float partial = 0;
        for (ptrdiff_t r = 0; r < BLOCK; r++) partial += block[r * width + j];
        sum[j] += partial;
      }
    }
  }
}

CLONES void relate_positive_mask(ptrdiff_t rows, ptrdiff_t width, const float *restrict x,
                                 uint8_t *restrict mask) {
  for (ptrdiff_t i = 0; i < rows / 8; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      const float *column = x + 8 * i * width + j;
      int bits = 0;
      for (int r = 0; r < 8; r++) bits |= (column[r * width] > 0) << r;
      mask[i * width + j] = (uint8_t)bits;
    }
}
