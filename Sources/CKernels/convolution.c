// Convolutions of sixteen images at a time, one image in each lane of a vector.
//
// However small an image and however few its channels, every instruction then does sixteen useful
// things, without edges, shuffles or copies of patches. Products are added with one rounding each,
// asked for by name, so that all instruction sets give the same bits.
#include "functions.h"
#include "kernels.h"

enum { LANES = RELATE_BLOCK_IMAGES, GROUP = RELATE_CHANNEL_GROUP };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define AT(address) (*(lanes *)(address))

INLINE void clear(float *to, ptrdiff_t elements) {
  for (ptrdiff_t i = 0; i < elements * LANES; i++) to[i] = 0;
}

INLINE ptrdiff_t padded(const relate_block_shape *s, ptrdiff_t extent) {
  return s->before + extent + s->after;
}

void relate_block_from_images(const relate_block_shape *shape, ptrdiff_t images,
                              const float *restrict from, float *restrict block) {
  relate_block_shape s = *shape;
  ptrdiff_t size = s.channels * s.height * s.width, row = padded(shape, s.width);
  for (ptrdiff_t c = 0; c < s.channels; c++) {
    clear(block, s.before * row);
    block += s.before * row * LANES;
    for (ptrdiff_t y = 0; y < s.height; y++, from += s.width, block += row * LANES) {
      float *to = block + s.before * LANES;
      clear(block, s.before);
      clear(to + s.width * LANES, s.after);
      for (ptrdiff_t x = 0; x < s.width; x++, to += LANES) {
        for (ptrdiff_t i = 0; i < images; i++) to[i] = from[i * size + x];
        for (ptrdiff_t i = images; i < LANES; i++) to[i] = 0;
      }
    }
    clear(block, s.after * row);
    block += s.after * row * LANES;
  }
}

void relate_block_to_images(const relate_block_shape *shape, ptrdiff_t images,
                            const float *restrict block, float *restrict to) {
  relate_block_shape s = *shape;
  ptrdiff_t size = s.channels * s.height * s.width, row = padded(shape, s.width);
  for (ptrdiff_t c = 0; c < s.channels; c++) {
    block += s.before * row * LANES;
    for (ptrdiff_t y = 0; y < s.height; y++, block += row * LANES)
      for (ptrdiff_t x = 0; x < s.width; x++, to++)
        for (ptrdiff_t i = 0; i < images; i++) to[i * size] = block[(s.before + x) * LANES + i];
    block += s.after * row * LANES;
  }
}

// Eight channels of `pixels` elements side by side, all in registers.
INLINE void convolve_tile(const int pixels, ptrdiff_t taps, const int32_t *offsets,
                          const float *weights, const float *bias, const float *x,
                          ptrdiff_t x_step, ptrdiff_t outputs, float *out, ptrdiff_t out_step,
                          ptrdiff_t channel_step) {
  lanes sums[GROUP][3];
  for (int c = 0; c < GROUP; c++)
    for (int p = 0; p < pixels; p++) sums[c][p] = (lanes){} + (bias ? bias[c] : 0.0f);
  for (ptrdiff_t t = 0; t < taps; t++) {
    const float *from = x + offsets[t];
    lanes v[3];
    for (int p = 0; p < pixels; p++) v[p] = AT(from + p * x_step);
    for (int c = 0; c < GROUP; c++) {
      lanes weight = (lanes){} + weights[t * GROUP + c];
      for (int p = 0; p < pixels; p++)
        sums[c][p] = __builtin_elementwise_fma(weight, v[p], sums[c][p]);
    }
  }
  for (int c = 0; c < GROUP; c++)
    if (c < outputs)
      for (int p = 0; p < pixels; p++) AT(out + c * channel_step + p * out_step) = sums[c][p];
}

CLONES_WITH_FMA void relate_block_convolve(ptrdiff_t taps, const int32_t *offsets,
                                           const float *weights, const float *bias, const float *x,
                                           ptrdiff_t x_step, ptrdiff_t pixels, ptrdiff_t outputs,
                                           float *out, ptrdiff_t out_step,
                                           ptrdiff_t channel_step) {
  for (ptrdiff_t c = 0; c < outputs; c += GROUP) {
    ptrdiff_t i = 0;
#define TILE(count)                                                                           \
  convolve_tile(count, taps, offsets, weights + c * taps, bias ? bias + c : 0, x + i * x_step, \
                x_step, outputs - c, out + c * channel_step + i * out_step, out_step,          \
                channel_step)
    for (; i + 3 <= pixels; i += 3) TILE(3);
    if (i + 2 == pixels) TILE(2);
    if (i + 1 == pixels) TILE(1);
#undef TILE
  }
}

// Adds to the sums of `channels` by `taps` weights, which stay in registers.
INLINE void weight_tile(const int channels, const int taps, const relate_block_walk *walk,
                        const int32_t *offsets, const float *x, const float *g, float *sums,
                        ptrdiff_t sums_step) {
  lanes total[GROUP][3];
  for (int c = 0; c < channels; c++)
    for (int t = 0; t < taps; t++) total[c][t] = AT(sums + c * sums_step + t * LANES);
  for (ptrdiff_t y = 0; y < walk->rows; y++) {
    const float *x_row = x + y * walk->x_row, *g_row = g + y * walk->g_row;
    for (ptrdiff_t i = 0; i < walk->pixels; i++) {
      lanes v[3];
      for (int t = 0; t < taps; t++) v[t] = AT(x_row + offsets[t] + i * walk->x_step);
      for (int c = 0; c < channels; c++) {
        lanes upstream = AT(g_row + c * walk->g_channel + i * LANES);
        for (int t = 0; t < taps; t++)
          total[c][t] = __builtin_elementwise_fma(upstream, v[t], total[c][t]);
      }
    }
  }
  for (int c = 0; c < channels; c++)
    for (int t = 0; t < taps; t++) AT(sums + c * sums_step + t * LANES) = total[c][t];
}

CLONES_WITH_FMA void relate_block_weight_gradient(ptrdiff_t channels, ptrdiff_t taps,
                                                  const int32_t *offsets,
                                                  const relate_block_walk *walk, const float *x,
                                                  const float *g, float *sums) {
  ptrdiff_t step = taps * LANES, c = 0, t;
#define TILE(height, width)                                                                  \
  weight_tile(height, width, walk, offsets + t, x, g + c * walk->g_channel,                  \
              sums + c * step + t * LANES, step)
  for (; c + GROUP <= channels; c += GROUP) {
    for (t = 0; t + 3 <= taps; t += 3) TILE(GROUP, 3);
    for (; t < taps; t++) TILE(GROUP, 1);
  }
  for (; c < channels; c++) {
    for (t = 0; t + 3 <= taps; t += 3) TILE(1, 3);
    for (; t < taps; t++) TILE(1, 1);
  }
#undef TILE
}

// The upper half onto the lower, until one lane is left.
CLONES void relate_sum_lanes(ptrdiff_t count, const float *x, float *out) {
  for (ptrdiff_t i = 0; i < count; i++, x += LANES) {
    lanes v = AT(x);
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    out[i] = v[0] + v[1];
  }
}

// The sum of the lanes that hold an image.
INLINE double total(const double *sums, ptrdiff_t images) {
  double sum = 0;
  for (ptrdiff_t lane = 0; lane < images; lane++) sum += sums[lane];
  return sum;
}

CLONES void relate_block_moments(ptrdiff_t pixels, ptrdiff_t images, const float *restrict y,
                                 double *restrict moments) {
  double sums[LANES] = {0}, squares[LANES] = {0};
  for (ptrdiff_t i = 0; i < pixels; i++, y += LANES)
    for (int lane = 0; lane < LANES; lane++) {
      double v = y[lane];
      sums[lane] += v;
      squares[lane] += v * v;
    }
  moments[0] = total(sums, images);
  moments[1] = total(squares, images);
}

// Before ReLU: the same bits wherever it is asked for.
INLINE float normal(float y, relate_block_normalization n) {
  return (y - n.mean) * n.factor + n.offset;
}

CLONES void relate_block_normalize_relu(const relate_block_shape *shape,
                                        const relate_block_normalization *normalization,
                                        const float *restrict y, float *restrict out) {
  relate_block_shape s = *shape;
  relate_block_normalization n = *normalization;
  ptrdiff_t row = padded(shape, s.width), run = s.width * LANES;
  clear(out, s.before * row);
  out += s.before * row * LANES;
  for (ptrdiff_t i = 0; i < s.height; i++, y += run, out += row * LANES) {
    float *restrict to = out + s.before * LANES;
    clear(out, s.before);
    for (ptrdiff_t j = 0; j < run; j++) {
      float x = normal(y[j], n);
      to[j] = x < 0 ? 0 : x;
    }
    clear(to + run, s.after);
  }
  clear(out, s.after * row);
}

CLONES void relate_block_gradient_moments(ptrdiff_t pixels, ptrdiff_t images,
                                          const relate_block_normalization *normalization,
                                          const float *restrict g, const float *restrict y,
                                          double *restrict moments) {
  relate_block_normalization n = *normalization;
  double sums[LANES] = {0}, products[LANES] = {0};
  for (ptrdiff_t i = 0; i < pixels; i++, g += LANES, y += LANES)
    for (int lane = 0; lane < LANES; lane++) {
      double upstream = normal(y[lane], n) > 0 ? g[lane] : 0;
      sums[lane] += upstream;
      products[lane] += upstream * ((double)y[lane] - n.mean);
    }
  moments[0] = total(sums, images);
  moments[1] = total(products, images);
}

CLONES void relate_block_normalize_relu_backward(const relate_block_shape *shape, ptrdiff_t images,
                                                 const relate_block_normalization *normalization,
                                                 float a, float b, float c,
                                                 const float *restrict g, const float *restrict y,
                                                 float *restrict out) {
  relate_block_shape s = *shape;
  relate_block_normalization n = *normalization;
  ptrdiff_t row = padded(shape, s.width), run = s.width * LANES;
  clear(out, s.before * row);
  out += s.before * row * LANES;
  for (ptrdiff_t i = 0; i < s.height; i++, g += run, y += run, out += row * LANES) {
    float *restrict to = out + s.before * LANES;
    clear(out, s.before);
    for (ptrdiff_t j = 0; j < run; j++) {
      float upstream = normal(y[j], n) > 0 ? g[j] : 0;
      to[j] = a * upstream + (b * (y[j] - n.mean) + c);
    }
    if (images < LANES)
      for (ptrdiff_t j = 0; j < run; j++) to[j] = (j & (LANES - 1)) < images ? to[j] : 0;
    clear(to + run, s.after);
  }
  clear(out, s.after * row);
}
