// What the relation does to a tile of pairs between two matrix products, while it is in the cache.
//
// ReLU is written `x < 0 ? 0 : x`, which lets not-a-number through, so that a broken run is
// noticed.
#include "functions.h"
#include "kernels.h"

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

// Rows are added up in eights first: of hundreds of terms in a row, the last ones would be rounded
// to the size of the sum of all before.
enum { BLOCK = 8 };

CLONES void relate_sum_activations(ptrdiff_t rows, ptrdiff_t width, const float *restrict x,
                                   uint8_t *restrict mask, float *restrict sum) {
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
    if (!mask) continue;
    for (ptrdiff_t j = 0; j < count * width; j++) mask[i * width + j] = block[j] > 0;
  }
}
