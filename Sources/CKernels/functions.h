// exp, log, tanh and sigmoid as plain arithmetic, so that loops over them vectorise and their bits
// belong to this program and not to the system's mathematics library.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// A test defines them as nothing, to compile the loops for one instruction set at a time.
#ifndef CLONES
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
// For loops of explicit fused multiply-adds, which AVX2 alone does not promise.
#define CLONES_WITH_FMA __attribute__((target_clones("avx512f", "fma", "default")))
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE int32_t bits_of(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

INLINE float float_of(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// The upper half of x, rounded to nearest, ties to even; not-a-number stays one.
INLINE uint16_t bfloat16_of(float x) {
  uint32_t bits = (uint32_t)bits_of(x);
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return (uint16_t)(x == x ? rounded : bits >> 16 | 0x40);
}

// ln 2 in two parts; the first has so few bits that its products with exponents are exact.
static const float LN2_HIGH = 0.693359375f, LN2_LOW = -2.12194440e-4f;

// exp(r) - 1 - r for |r| <= ln(2)/2, by the Taylor series (the first term left out is < 2^-27).
INLINE float exp_tail(float r) {
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  return p * r * r;
}

// x = n ln 2 + r; returns n and leaves r. Adding 1.5 * 2^23 rounds to a whole number, whose bits
// are then the low bits of the sum.
INLINE int32_t reduce(float x, float *r) {
  const float shift = 12582912.0f;
  float rounded = x * 1.44269504f + shift;
  float n = rounded - shift;
  *r = (x - n * LN2_HIGH) - n * LN2_LOW;
  return bits_of(rounded) - bits_of(shift);
}

INLINE float power_of_two(int32_t n) { return float_of((int32_t)((uint32_t)(n + 127) << 23)); }

INLINE float exponential(float x) {
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  float r;
  int32_t n = reduce(x, &r);
  // Two factors, because 2^n itself may be out of range where the result is not.
  int32_t half = n >> 1;
  return (1.0f + (r + exp_tail(r))) * power_of_two(half) * power_of_two(n - half);
}

INLINE float sigmoid_of(float x) { return 1.0f / (1.0f + exponential(-x)); }

// tanh(x) = e / (e + 2) with e = exp(2x) - 1, computed without cancellation.
INLINE float hyperbolic_tangent(float x) {
  float magnitude = x < 0 ? -x : x;
  float y = 2.0f * (magnitude > 10.0f ? 10.0f : magnitude);
  float r;
  float scale = power_of_two(reduce(y, &r));
  float e = scale * (r + exp_tail(r)) + (scale - 1.0f);
  float t = e / (e + 2.0f);
  return x < 0 ? -t : t;
}

// log(x) = e ln 2 + 2 atanh((m - 1) / (m + 1)) for x = m 2^e, m within a factor sqrt(2) of 1.
INLINE float logarithm_of(float x) {
  float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
  // Unsigned: what a negative number has for bits overflows.
  int32_t bits = (int32_t)((uint32_t)bits_of(scaled) - 0x3F3504F3u);
  int32_t e = bits >> 23;
  float m = float_of((bits & 0x007FFFFF) + 0x3F3504F3);
  float exponent = (float)(x < 1.17549435e-38f ? e - 23 : e);
  float s = (m - 1.0f) / (m + 1.0f), z = s * s;
  float p = 1.0f / 11;
  p = p * z + 1.0f / 9;
  p = p * z + 1.0f / 7;
  p = p * z + 1.0f / 5;
  p = p * z + 1.0f / 3;
  float result = exponent * LN2_HIGH + (2.0f * s + (2.0f * s * z * p + exponent * LN2_LOW));
  result = x == 0 ? -INFINITY : result;
  result = x == INFINITY ? INFINITY : result;
  return x >= 0 ? result : NAN;
}

// log(1 + z) for 0 <= z <= 1.
INLINE float logarithm_of_one_plus(float z) {
  float s = z / (2.0f + z), t = s * s;
  float p = 1.0f / 17;
  p = p * t + 1.0f / 15;
  p = p * t + 1.0f / 13;
  p = p * t + 1.0f / 11;
  p = p * t + 1.0f / 9;
  p = p * t + 1.0f / 7;
  p = p * t + 1.0f / 5;
  p = p * t + 1.0f / 3;
  return 2.0f * s + 2.0f * s * t * p;
}
