// Vectors of 16 float32 as the kernels of panels use them, for AVX-512.
#pragma once
#include "functions.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

typedef int32_t __attribute__((may_alias)) word;

#define FLOAT32_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define BFLOAT16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

// 8 rows of a panel of sums fill 16 of the 32 registers. It is enough to keep both multipliers busy
// (each of its results takes four cycles), and leaves the loads of operands, 10 for 16
// multiplications, at less than half of what the first-level cache can give.
//
// What lives is listed for 4 rows: fewer inputs are zero in all of 8, and 8 sums are enough for
// both multipliers. What is not listed takes 8 all the same, for fewer loads.
enum { LANES = 16, TILE_ROWS = 8, LISTED_ROWS = 4 };

// The bytes of the left factor that are read again for every panel of the right one: a quarter of a
// second-level cache of 1 MiB, so that they stay there.
enum { REUSED_BYTES = 256 << 10 };

// The words of a sum that are added for one block after the other before those that follow: so much
// of a panel of the right factor, 32 KiB, stays in the first-level cache.
enum { SLICE_WORDS = 256 };

// To pick what lives costs about as much as a twentieth of the products.
#ifndef MOST_SIXTEENTHS_ALIVE
#define MOST_SIXTEENTHS_ALIVE 15
#endif

typedef __m512 vector;
typedef __m512i words;

INLINE bool has_instructions(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
INLINE bool has_bfloat16_instructions(void) {
  return has_instructions() && __builtin_cpu_supports("avx512bf16");
}

#define VECTOR static inline __attribute__((always_inline)) FLOAT32_TARGET

VECTOR vector zeros(void) { return _mm512_setzero_ps(); }
VECTOR vector everywhere(float x) { return _mm512_set1_ps(x); }
VECTOR vector load(const float *from) { return _mm512_loadu_ps(from); }
VECTOR void store(float *to, vector x) { _mm512_storeu_ps(to, x); }
VECTOR vector plus(vector a, vector b) { return _mm512_add_ps(a, b); }

// The lanes whose bits are set; zeros, or what was there before, in the others.
VECTOR vector load_where(uint32_t bits, const float *from) {
  return _mm512_maskz_loadu_ps((__mmask16)bits, from);
}
VECTOR void store_where(uint32_t bits, float *to, vector x) {
  _mm512_mask_storeu_ps(to, (__mmask16)bits, x);
}
// Of zeros, the positive one.
VECTOR vector keep_where(uint32_t bits, vector x) {
  return _mm512_maskz_add_ps((__mmask16)bits, x, zeros());
}

// Not-a-number passes, so that a broken run is noticed; of zeros, the positive one.
VECTOR vector relu(vector x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, zeros(), _CMP_NLE_UQ), x);
}
VECTOR uint32_t where_positive(vector x) { return _mm512_cmp_ps_mask(x, zeros(), _CMP_GT_OQ); }

VECTOR words load_words(const word *from) { return _mm512_loadu_si512(from); }
VECTOR words word_everywhere(const word *x) { return _mm512_set1_epi32(*x); }

VECTOR vector multiply_add_float32(words a, words b, vector sum) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
}

// `count` columns of `rows` rows each, `step` apart, as 16 rows; zeros where there is none.
VECTOR void transpose(const float *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count,
                      vector out[LANES]) {
  __m512 a[LANES], b[LANES];
  const uint32_t existing = rows >= LANES ? 0xFFFF : rows <= 0 ? 0 : (1u << rows) - 1;
  for (int i = 0; i < LANES; i++)
    a[i] = load_where(i < count ? existing : 0, from + (i < count ? i * step : 0));
  for (int i = 0; i < LANES; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
  // Afterwards quarter q of a[4 i + j] is row 4 q + j of columns 4 i to 4 i + 3.
  for (int i = 0; i < LANES; i += 4)
    for (int j = 0; j < 2; j++) {
      __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + j + 2]);
      a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  for (int j = 0; j < 4; j++) {
    __m512 even[2] = {_mm512_shuffle_f32x4(a[j], a[j + 4], 0x88),
                      _mm512_shuffle_f32x4(a[j + 8], a[j + 12], 0x88)};
    __m512 odd[2] = {_mm512_shuffle_f32x4(a[j], a[j + 4], 0xDD),
                     _mm512_shuffle_f32x4(a[j + 8], a[j + 12], 0xDD)};
    out[j] = _mm512_shuffle_f32x4(even[0], even[1], 0x88);
    out[j + 4] = _mm512_shuffle_f32x4(odd[0], odd[1], 0x88);
    out[j + 8] = _mm512_shuffle_f32x4(even[0], even[1], 0xDD);
    out[j + 12] = _mm512_shuffle_f32x4(odd[0], odd[1], 0xDD);
  }
}

// MARK: bfloat16

#define ROUNDING static inline __attribute__((always_inline)) BFLOAT16_TARGET

ROUNDING vector multiply_add_bfloat16(words a, words b, vector sum) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

// Stores two rows of 32 columns: one after the other, and their values by turns.
ROUNDING void store_rounded(const vector even[2], const vector odd[2], uint16_t *by_columns,
                            uint16_t *by_rows) {
  __m512i first = (__m512i)_mm512_cvtne2ps_pbh(even[1], even[0]);
  __m512i second = (__m512i)_mm512_cvtne2ps_pbh(odd[1], odd[0]);
  if (by_columns) {
    _mm512_storeu_si512(by_columns, first);
    _mm512_storeu_si512(by_columns + 2 * LANES, second);
  }
  if (by_rows) {
    // Columns 0 to 15 and 16 to 31.
    const __m512i low = _mm512_set_epi16(
        47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4,
        35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    _mm512_storeu_si512(by_rows, _mm512_permutex2var_epi16(first, low, second));
    _mm512_storeu_si512(by_rows + 2 * LANES, _mm512_permutex2var_epi16(first, high, second));
  }
}
