// The vectors of panel_vectors_avx512.h as plain loops, so that the same kernels can be held
// against those for other processors on a machine that has no AVX-512. A sum of two products of
// bfloat16 is rounded otherwise than by the processor's instruction.
#pragma once
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#include "functions.h"

typedef int32_t __attribute__((may_alias)) word;

#define FLOAT32_TARGET __attribute__((target("avx2,fma")))
#define BFLOAT16_TARGET FLOAT32_TARGET

enum { LANES = 16, TILE_ROWS = 8, LISTED_ROWS = 4, REUSED_BYTES = 256 << 10, SLICE_WORDS = 256 };
#ifndef MOST_SIXTEENTHS_ALIVE
#define MOST_SIXTEENTHS_ALIVE 15
#endif

typedef struct {
  float lane[LANES];
} vector;
typedef struct {
  word lane[LANES];
} words;

INLINE bool has_instructions(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
INLINE bool has_bfloat16_instructions(void) { return has_instructions(); }

#define VECTOR static inline __attribute__((always_inline)) FLOAT32_TARGET
#define EACH_LANE for (int l = 0; l < LANES; l++)

VECTOR vector everywhere(float x) {
  vector out;
  EACH_LANE out.lane[l] = x;
  return out;
}
VECTOR vector zeros(void) { return everywhere(0); }
VECTOR vector load_where(uint32_t bits, const float *from) {
  vector out;
  EACH_LANE out.lane[l] = bits >> l & 1 ? from[l] : 0;
  return out;
}
VECTOR vector load(const float *from) { return load_where(0xFFFF, from); }
VECTOR void store_where(uint32_t bits, float *to, vector x) {
  EACH_LANE if (bits >> l & 1) to[l] = x.lane[l];
}
VECTOR void store(float *to, vector x) { store_where(0xFFFF, to, x); }
VECTOR vector plus(vector a, vector b) {
  EACH_LANE a.lane[l] += b.lane[l];
  return a;
}
VECTOR vector keep_where(uint32_t bits, vector x) {
  EACH_LANE x.lane[l] = bits >> l & 1 ? x.lane[l] + 0.0f : 0;
  return x;
}
VECTOR vector relu(vector x) {
  EACH_LANE x.lane[l] = x.lane[l] <= 0 ? 0 : x.lane[l];
  return x;
}
VECTOR uint32_t where_positive(vector x) {
  uint32_t bits = 0;
  EACH_LANE bits |= (uint32_t)(x.lane[l] > 0) << l;
  return bits;
}
VECTOR words load_words(const word *from) {
  words out;
  EACH_LANE out.lane[l] = from[l];
  return out;
}
VECTOR words word_everywhere(const word *x) {
  words out;
  EACH_LANE out.lane[l] = *x;
  return out;
}
VECTOR vector multiply_add_float32(words a, words b, vector sum) {
  EACH_LANE sum.lane[l] = fmaf(float_of(a.lane[l]), float_of(b.lane[l]), sum.lane[l]);
  return sum;
}
VECTOR void transpose(const float *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count,
                      vector out[LANES]) {
  for (int row = 0; row < LANES; row++)
    EACH_LANE out[row].lane[l] = row < rows && l < count ? from[l * step + row] : 0;
}

VECTOR vector multiply_add_bfloat16(words a, words b, vector sum) {
  EACH_LANE {
    const uint32_t x = (uint32_t)a.lane[l], y = (uint32_t)b.lane[l];
    const float first = fmaf(float_of((int32_t)(x << 16)), float_of((int32_t)(y << 16)),
                             sum.lane[l]);
    sum.lane[l] = fmaf(float_of((int32_t)(x & 0xFFFF0000)), float_of((int32_t)(y & 0xFFFF0000)),
                       first);
  }
  return sum;
}
VECTOR void store_rounded(const vector even[2], const vector odd[2], uint16_t *by_columns,
                          uint16_t *by_rows) {
  for (int j = 0; j < 2; j++)
    EACH_LANE {
      const uint16_t first = bfloat16_of(even[j].lane[l]), second = bfloat16_of(odd[j].lane[l]);
      const int column = LANES * j + l;
      if (by_columns) by_columns[column] = first, by_columns[2 * LANES + column] = second;
      if (by_rows) by_rows[2 * column] = first, by_rows[2 * column + 1] = second;
    }
}
