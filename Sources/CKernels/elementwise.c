// Operations on one element at a time.
#include "functions.h"
#include "kernels.h"

#define BINARY_LOOPS(expression)                                        \
  if (a_varies && b_varies)                                             \
    for (ptrdiff_t i = 0; i < count; i++) {                             \
      float x = a[i], y = b[i];                                         \
      out[i] = (expression);                                            \
    }                                                                   \
  else if (a_varies) {                                                  \
    float y = *b;                                                       \
    for (ptrdiff_t i = 0; i < count; i++) {                             \
      float x = a[i];                                                   \
      out[i] = (expression);                                            \
    }                                                                   \
  } else if (b_varies) {                                                \
    float x = *a;                                                       \
    for (ptrdiff_t i = 0; i < count; i++) {                             \
      float y = b[i];                                                   \
      out[i] = (expression);                                            \
    }                                                                   \
  } else {                                                              \
    float x = *a, y = *b, z = (expression);                             \
    for (ptrdiff_t i = 0; i < count; i++) out[i] = z;                   \
  }                                                                     \
  break

CLONES void relate_binary(relate_binary_operation operation, ptrdiff_t count, const float *a,
                          bool a_varies, const float *b, bool b_varies, float parameter,
                          float *out) {
  switch (operation) {
    case RELATE_ADD: BINARY_LOOPS(x + y);
    case RELATE_SUBTRACT: BINARY_LOOPS(x - y);
    case RELATE_MULTIPLY: BINARY_LOOPS(x * y);
    case RELATE_DIVIDE: BINARY_LOOPS(x / y);
    case RELATE_LEAKY_RELU_GRADIENT:
      // Zero, not zero times what may be infinite.
      if (parameter == 0) {
        BINARY_LOOPS(y > 0 ? x : 0);
      }
      BINARY_LOOPS(y > 0 ? x : parameter * x);
  }
}

#define UNARY_LOOP(expression)                                          \
  for (ptrdiff_t i = 0; i < count; i++) {                               \
    float v = x[i];                                                     \
    out[i] = (expression);                                              \
  }                                                                     \
  break

CLONES void relate_unary(relate_unary_operation operation, ptrdiff_t count, const float *x,
                         float parameter, float *out) {
  switch (operation) {
    case RELATE_SCALE: UNARY_LOOP(v * parameter);
    case RELATE_OFFSET: UNARY_LOOP(v + parameter);
    case RELATE_LEAKY_RELU:
      if (parameter == 0) {
        UNARY_LOOP(v < 0 ? 0 : v);
      }
      UNARY_LOOP(v < 0 ? v * parameter : v);
    case RELATE_EXP: UNARY_LOOP(exponential(v));
    case RELATE_LOG: UNARY_LOOP(logarithm_of(v));
    case RELATE_TANH: UNARY_LOOP(hyperbolic_tangent(v));
    case RELATE_SIGMOID: UNARY_LOOP(sigmoid_of(v));
    case RELATE_SQUARE_ROOT: UNARY_LOOP(__builtin_elementwise_sqrt(v));
  }
}

CLONES void relate_add_scaled(ptrdiff_t count, float a, const float *restrict x,
                              float *restrict y) {
  for (ptrdiff_t i = 0; i < count; i++) y[i] += a * x[i];
}
