// What the server does to every scalar of the flat vector at every step.
#include "functions.h"
#include "kernels.h"

CLONES void relate_adam(ptrdiff_t count, float *restrict p, float *restrict m, float *restrict v,
                        const float *restrict g, float mean_weight, float beta2,
                        float square_weight, float epsilon, float step_size,
                        float root_correction) {
  for (ptrdiff_t i = 0; i < count; i++) {
    m[i] += mean_weight * (g[i] - m[i]);
    v[i] = beta2 * v[i] + square_weight * g[i] * g[i];
    float denominator = __builtin_elementwise_sqrt(v[i]) / root_correction + epsilon;
    p[i] -= step_size * (m[i] / denominator);
  }
}

// An exponent of all ones is infinity or not a number.
CLONES static bool mean_of_block(ptrdiff_t start, ptrdiff_t end, ptrdiff_t contributions,
                                 const float *const *x, float scale, float *restrict out) {
  const float *first = x[0];
  for (ptrdiff_t i = start; i < end; i++) out[i] = first[i];
  for (ptrdiff_t c = 1; c < contributions; c++) {
    const float *next = x[c];
    for (ptrdiff_t i = start; i < end; i++) out[i] += next[i];
  }
  int32_t infinite = 0;
  for (ptrdiff_t i = start; i < end; i++) {
    out[i] *= scale;
    infinite |= (bits_of(out[i]) & 0x7F800000) == 0x7F800000;
  }
  return !infinite;
}

// In blocks that stay in the first cache while all contributions are added.
bool relate_mean(ptrdiff_t count, ptrdiff_t contributions, const float *const *x, float scale,
                 float *out) {
  bool finite = true;
  for (ptrdiff_t start = 0; start < count; start += 2048) {
    ptrdiff_t end = start + 2048 < count ? start + 2048 : count;
    finite &= mean_of_block(start, end, contributions, x, scale, out);
  }
  return finite;
}

ptrdiff_t relate_first_not_finite(ptrdiff_t count, const float *x) {
  for (ptrdiff_t i = 0; i < count; i++)
    if ((bits_of(x[i]) & 0x7F800000) == 0x7F800000) return i;
  return -1;
}
