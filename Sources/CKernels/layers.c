// The loops of convolution, normalisation and the LSTM.
#include "functions.h"
#include "kernels.h"

// The outputs [*from, *to) along an axis whose input `o * stride + k - padding` lies inside it.
INLINE void inside(ptrdiff_t extent, ptrdiff_t outputs, ptrdiff_t stride, ptrdiff_t shift,
                   ptrdiff_t *from, ptrdiff_t *to) {
  ptrdiff_t low = shift < 0 ? (-shift + stride - 1) / stride : 0;
  ptrdiff_t high = extent - shift > 0 ? (extent - shift + stride - 1) / stride : 0;
  *from = low < outputs ? low : outputs;
  *to = high < outputs ? high : outputs;
  if (*to < *from) *to = *from;
}

CLONES void relate_image_to_columns(const relate_convolution_shape *shape,
                                    const float *restrict image, float *restrict out,
                                    ptrdiff_t out_stride) {
  relate_convolution_shape s = *shape;
  for (ptrdiff_t c = 0; c < s.channels; c++)
    for (ptrdiff_t ky = 0; ky < s.kernel_height; ky++)
      for (ptrdiff_t kx = 0; kx < s.kernel_width; kx++, out += out_stride) {
        ptrdiff_t x0, x1, shift = kx - s.padding;
        inside(s.width, s.out_width, s.stride, shift, &x0, &x1);
        for (ptrdiff_t oy = 0; oy < s.out_height; oy++) {
          ptrdiff_t y = oy * s.stride + ky - s.padding;
          float *row = out + oy * s.out_width;
          if (y < 0 || y >= s.height) {
            for (ptrdiff_t ox = 0; ox < s.out_width; ox++) row[ox] = 0;
            continue;
          }
          const float *from = image + (c * s.height + y) * s.width + shift;
          for (ptrdiff_t ox = 0; ox < x0; ox++) row[ox] = 0;
          if (s.stride == 1)
            for (ptrdiff_t ox = x0; ox < x1; ox++) row[ox] = from[ox];
          else if (s.stride == 2)
            for (ptrdiff_t ox = x0; ox < x1; ox++) row[ox] = from[2 * ox];
          else
            for (ptrdiff_t ox = x0; ox < x1; ox++) row[ox] = from[ox * s.stride];
          for (ptrdiff_t ox = x1; ox < s.out_width; ox++) row[ox] = 0;
        }
      }
}

CLONES void relate_columns_to_image(const relate_convolution_shape *shape,
                                    const float *restrict columns, ptrdiff_t column_stride,
                                    float *restrict image) {
  relate_convolution_shape s = *shape;
  for (ptrdiff_t c = 0; c < s.channels; c++)
    for (ptrdiff_t ky = 0; ky < s.kernel_height; ky++)
      for (ptrdiff_t kx = 0; kx < s.kernel_width; kx++, columns += column_stride) {
        ptrdiff_t x0, x1, shift = kx - s.padding;
        inside(s.width, s.out_width, s.stride, shift, &x0, &x1);
        for (ptrdiff_t oy = 0; oy < s.out_height; oy++) {
          ptrdiff_t y = oy * s.stride + ky - s.padding;
          if (y < 0 || y >= s.height) continue;
          const float *row = columns + oy * s.out_width;
          float *to = image + (c * s.height + y) * s.width + shift;
          if (s.stride == 1)
            for (ptrdiff_t ox = x0; ox < x1; ox++) to[ox] += row[ox];
          else if (s.stride == 2)
            for (ptrdiff_t ox = x0; ox < x1; ox++) to[2 * ox] += row[ox];
          else
            for (ptrdiff_t ox = x0; ox < x1; ox++) to[ox * s.stride] += row[ox];
        }
      }
}

CLONES void relate_normalize(ptrdiff_t count, const float *restrict x, float mean, float factor,
                             float offset, float *restrict y) {
  for (ptrdiff_t i = 0; i < count; i++) y[i] = (x[i] - mean) * factor + offset;
}

CLONES void relate_normalize_backward(ptrdiff_t count, const float *restrict g,
                                      const float *restrict x, float mean, float a, float b,
                                      float c, float *restrict out) {
  for (ptrdiff_t i = 0; i < count; i++) out[i] = a * g[i] + (b * (x[i] - mean) + c);
}

CLONES void relate_lstm_cell(ptrdiff_t count, float *restrict gates, const float *restrict previous,
                             float *restrict cell, float *restrict hidden) {
  float *i = gates, *f = i + count, *g = f + count, *o = g + count;
  for (ptrdiff_t j = 0; j < 2 * count; j++) i[j] = sigmoid_of(i[j]);
  for (ptrdiff_t j = 0; j < count; j++) g[j] = hyperbolic_tangent(g[j]);
  for (ptrdiff_t j = 0; j < count; j++) o[j] = sigmoid_of(o[j]);
  if (previous)
    for (ptrdiff_t j = 0; j < count; j++) cell[j] = f[j] * previous[j] + i[j] * g[j];
  else
    for (ptrdiff_t j = 0; j < count; j++) cell[j] = i[j] * g[j];
  for (ptrdiff_t j = 0; j < count; j++) hidden[j] = o[j] * hyperbolic_tangent(cell[j]);
}

CLONES void relate_lstm_cell_backward(ptrdiff_t count, const float *restrict gates,
                                      const float *restrict previous, const float *restrict cell,
                                      const float *restrict hidden_gradient,
                                      float *restrict cell_gradient,
                                      float *restrict gate_gradient) {
  for (ptrdiff_t j = 0; j < count; j++) {
    float i = gates[j], f = gates[count + j], g = gates[2 * count + j], o = gates[3 * count + j];
    float t = hyperbolic_tangent(cell[j]), dh = hidden_gradient[j];
    float dc = cell_gradient[j] + dh * o * (1.0f - t * t);
    gate_gradient[j] = dc * g * i * (1.0f - i);
    gate_gradient[count + j] = previous ? dc * previous[j] * f * (1.0f - f) : 0;
    gate_gradient[2 * count + j] = dc * i * (1.0f - g * g);
    gate_gradient[3 * count + j] = dh * t * o * (1.0f - o);
    cell_gradient[j] = dc * f;
  }
}
