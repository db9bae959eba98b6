// What the relation does to a tile of pairs between two matrix products, while it is in the cache.
//
// ReLU is written `x < 0 ? 0 : x`, which lets not-a-number through, so that a broken run is
// noticed.
#include "functions.h"
#include "kernels.h"

CLONES void relate_pair_forward(ptrdiff_t rows, ptrdiff_t width, const float *restrict first,
                                const float *restrict base, float *restrict out) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float x = first[i * width + j] + base[j];
      out[i * width + j] = x < 0 ? 0 : x;
    }
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

CLONES void relate_bias_relu_sum(ptrdiff_t rows, ptrdiff_t width, const float *restrict x,
                                 const float *restrict bias, uint8_t *restrict mask,
                                 float *restrict sum) {
  for (ptrdiff_t i = 0; i < rows; i += BLOCK) {
    ptrdiff_t count = rows - i < BLOCK ? rows - i : BLOCK;
    const float *block = x + i * width;
    if (count < BLOCK) {
      for (ptrdiff_t r = 0; r < count; r++)
        for (ptrdiff_t j = 0; j < width; j++) {
          float y = block[r * width + j] + bias[j];
          sum[j] += y < 0 ? 0 : y;
        }
    } else {
      for (ptrdiff_t j = 0; j < width; j++) {
        float partial = 0;
        for (ptrdiff_t r = 0; r < BLOCK; r++) {
          float y = block[r * width + j] + bias[j];
          partial += y < 0 ? 0 : y;
        }
        sum[j] += partial;
      }
    }
    if (!mask) continue;
    for (ptrdiff_t r = 0; r < count; r++)
      for (ptrdiff_t j = 0; j < width; j++)
        mask[(i + r) * width + j] = block[r * width + j] + bias[j] > 0;
  }
}

CLONES void relate_masked_rows(ptrdiff_t rows, ptrdiff_t width, const uint8_t *restrict mask,
                               const float *restrict gradient, float *restrict out,
                               float *restrict columns) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float all = gradient[j], g = mask[i * width + j] ? all : 0;
      out[i * width + j] = g;
      columns[j] += g;
    }
}

CLONES void relate_relu_backward(ptrdiff_t rows, ptrdiff_t width, const float *restrict activation,
                                 float *restrict gradient, float *restrict columns) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float all = gradient[i * width + j], g = activation[i * width + j] > 0 ? all : 0;
      gradient[i * width + j] = g;
      columns[j] += g;
    }
}

CLONES void relate_pair_backward(ptrdiff_t rows, ptrdiff_t width, const float *restrict gradient,
                                 const float *restrict activation, float *restrict first,
                                 float *restrict second) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float all = gradient[i * width + j], g = activation[i * width + j] > 0 ? all : 0;
      first[i * width + j] += g;
      second[j] += g;
    }
}
