// Convolutions of sixteen images at a time, one image in each lane of a vector.
//
// However small an image and however few its channels, every instruction then does sixteen useful
// things, without edges, shuffles or copies of patches. Products are added with one rounding each,
// asked for by name, so that all instruction sets give the same bits.
#include "functions.h"
#include "kernels.h"
#include "lanes.h"

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
