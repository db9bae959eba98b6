// Vectors of 8 float32 as the kernels of panels use them, for AVX2 with FMA.
#pragma once
#include "functions.h"

#include <immintrin.h>
#include <stddef.h>

typedef int32_t __attribute__((may_alias)) word;

#define FLOAT32_TARGET __attribute__((target("avx2,fma")))

// 2 rows of a panel of sums fill 8 of the 16 registers, just enough to keep both multipliers busy
// (each of its results takes four cycles); 6 loads for 8 multiplications. The fewer rows, the more
// of their inputs are zero in all of them.
enum { LANES = 8, TILE_ROWS = 2, LISTED_ROWS = 2 };

// The bytes of the left factor that are read again for every panel of the right one: an eighth of a
// second-level cache of 512 KiB, which has also to hold as much of what lives in it.
enum { REUSED_BYTES = 64 << 10 };

// The words of a sum that are added for one block after the other before those that follow: so much
// of a panel of the right factor, 16 KiB, stays in a first-level cache of 32 KiB.
enum { SLICE_WORDS = 128 };

// To pick what lives costs about as much as a sixth of the products.
#ifndef MOST_SIXTEENTHS_ALIVE
#define MOST_SIXTEENTHS_ALIVE 13
#endif

typedef __m256 vector;
typedef __m256i words;

#define VECTOR static inline __attribute__((always_inline)) FLOAT32_TARGET

VECTOR vector zeros(void) { return _mm256_setzero_ps(); }
VECTOR vector everywhere(float x) { return _mm256_set1_ps(x); }
VECTOR vector load(const float *from) { return _mm256_loadu_ps(from); }
VECTOR void store(float *to, vector x) { _mm256_storeu_ps(to, x); }
VECTOR vector plus(vector a, vector b) { return _mm256_add_ps(a, b); }

VECTOR __m256i lanes_of(uint32_t bits) {
  const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int32_t)bits), lane), lane);
}

// The lanes whose bits are set; zeros, or what was there before, in the others.
VECTOR vector load_where(uint32_t bits, const float *from) {
  return _mm256_maskload_ps(from, lanes_of(bits));
}
// A store that leaves lanes out is slow, even where it leaves out none.
VECTOR void store_where(uint32_t bits, float *to, vector x) {
  if ((bits & 0xFF) == 0xFF) return store(to, x);
  _mm256_maskstore_ps(to, lanes_of(bits), x);
}
// Of zeros, the positive one.
VECTOR vector keep_where(uint32_t bits, vector x) {
  return _mm256_and_ps(plus(x, zeros()), _mm256_castsi256_ps(lanes_of(bits)));
}

// Not-a-number passes, so that a broken run is noticed; of zeros, the positive one.
VECTOR vector relu(vector x) { return _mm256_and_ps(_mm256_cmp_ps(x, zeros(), _CMP_NLE_UQ), x); }
VECTOR uint32_t where_positive(vector x) {
  return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, zeros(), _CMP_GT_OQ));
}

VECTOR words load_words(const word *from) { return _mm256_loadu_si256((const __m256i *)from); }
VECTOR words word_everywhere(const word *x) {
  return _mm256_castps_si256(_mm256_broadcast_ss((const float *)x));
}

VECTOR vector multiply_add_float32(words a, words b, vector sum) {
  return _mm256_fmadd_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), sum);
}

// `count` columns of `rows` rows each, `step` apart, as 8 rows; zeros where there is none.
VECTOR void transpose(const float *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count,
                      vector out[LANES]) {
  __m256 a[LANES], b[LANES];
  const uint32_t existing = rows >= LANES ? 0xFF : rows <= 0 ? 0 : (1u << rows) - 1;
  for (int i = 0; i < LANES; i++)
    a[i] = load_where(i < count ? existing : 0, from + (i < count ? i * step : 0));
  for (int i = 0; i < LANES; i += 2) {
    b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
  }
  // Afterwards half h of a[4 i + j] is row 4 h + j of columns 4 i to 4 i + 3.
  for (int i = 0; i < LANES; i += 4)
    for (int j = 0; j < 2; j++) {
      a[i + 2 * j] = _mm256_shuffle_ps(b[i + j], b[i + j + 2], 0x44);
      a[i + 2 * j + 1] = _mm256_shuffle_ps(b[i + j], b[i + j + 2], 0xEE);
    }
  for (int j = 0; j < 4; j++) {
    out[j] = _mm256_permute2f128_ps(a[j], a[j + 4], 0x20);
    out[j + 4] = _mm256_permute2f128_ps(a[j], a[j + 4], 0x31);
  }
}
