// The inner loops that Swift cannot compile for several instruction sets at once.
//
// Every loop exists for AVX-512, AVX2 and the baseline; the loader picks one when the process
// starts. None of them fuses multiplications with additions unless the source says so by name, and
// sums go through sixteen fixed lanes, so that all three give the same bits.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Elementwise (elementwise.c)

typedef enum {
  RELATE_ADD,
  RELATE_SUBTRACT,
  RELATE_MULTIPLY,
  RELATE_DIVIDE,
  // a where b > 0, else parameter * a: the derivative of (leaky) ReLU applied to a.
  RELATE_LEAKY_RELU_GRADIENT,
} relate_binary_operation;

typedef enum {
  RELATE_SCALE,
  RELATE_OFFSET,
  RELATE_LEAKY_RELU,
  RELATE_EXP,
  RELATE_LOG,
  RELATE_TANH,
  RELATE_SIGMOID,
  RELATE_SQUARE_ROOT,
} relate_unary_operation;

// out[i] = a[i] op b[i]; an operand that does not vary is read at index 0 throughout.
void relate_binary(relate_binary_operation operation, ptrdiff_t count, const float *a,
                   bool a_varies, const float *b, bool b_varies, float parameter, float *out);
// out[i] = op(x[i]); out may be x.
void relate_unary(relate_unary_operation operation, ptrdiff_t count, const float *x,
                  float parameter, float *out);
// y[i] += a * x[i]
void relate_add_scaled(ptrdiff_t count, float a, const float *x, float *y);

// MARK: Reductions (reductions.c)

double relate_sum(ptrdiff_t count, const float *x);
double relate_dot(ptrdiff_t count, const float *x, const float *y);
// The sum of (x[i] - mean)^2.
double relate_squared_deviations(ptrdiff_t count, const float *x, double mean);
// The sum of (x[i] - mean) y[i].
double relate_centred_dot(ptrdiff_t count, const float *x, double mean, const float *y);
// sums[j] += the sum over i of x[i, j], in blocks.
void relate_add_columns(ptrdiff_t rows, ptrdiff_t columns, const float *x, float *sums);
// sums[j] += the sum over i of x[order[i], j], in blocks.
void relate_add_rows(ptrdiff_t rows, const int32_t *order, ptrdiff_t columns, const float *x,
                     float *sums);
// Softmax (or its logarithm) of every row.
void relate_softmax(ptrdiff_t rows, ptrdiff_t columns, const float *x, bool logarithm, float *out);
// sum over i of max(x, 0) - x t + log(1 + exp(-|x|)).
double relate_binary_cross_entropy(ptrdiff_t count, const float *x, const float *targets);

// MARK: Sorting (sorting.c)

// For every run of `extent` elements along the middle axis of x [outer, extent, inner], the
// positions along it in order of size, in the same layout. Equal numbers keep their order, -0 and 0
// are equal, and not-a-number comes last. `scratch` has room for 2 extent numbers.
void relate_sorted_positions(ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner, const float *x,
                             bool descending, int32_t *positions, uint64_t *scratch);

// MARK: Update (update.c)

// Adam on a range: m, v and p in place; mean_weight = 1 - beta1, square_weight = 1 - beta2,
// step_size = learning rate / (1 - beta1^t), root_correction = sqrt(1 - beta2^t).
void relate_adam(ptrdiff_t count, float *p, float *m, float *v, const float *g, float mean_weight,
                 float beta2, float square_weight, float epsilon, float step_size,
                 float root_correction);
// out[i] = ((x0[i] + x1[i]) + x2[i] ...) * scale; whether every result is finite.
bool relate_mean(ptrdiff_t count, ptrdiff_t contributions, const float *const *x, float scale,
                 float *out);
// The first index that is infinite or not a number, or -1.
ptrdiff_t relate_first_not_finite(ptrdiff_t count, const float *x);

// MARK: The relation (relation.c)
//
// Activations of pairs are float32 or bfloat16 (the upper half of a float32, rounded to nearest);
// everything else is float32.

// out = x as bfloat16.
void relate_round_to_bfloat16(ptrdiff_t count, const float *x, uint16_t *out);
// out[j] = relu(first[j] + base) for `rows` rows of `width`.
void relate_pair_forward(ptrdiff_t rows, ptrdiff_t width, const float *first, const float *base,
                         float *out);
void relate_pair_forward_bfloat16(ptrdiff_t rows, ptrdiff_t width, const float *first,
                                  const float *base, uint16_t *out);
// x = relu(x + bias), rows of `width`, in place.
void relate_bias_relu(ptrdiff_t rows, ptrdiff_t width, const float *bias, float *x);
// sum += the sum over rows of x.
void relate_sum_rows(ptrdiff_t rows, ptrdiff_t width, const float *x, float *sum);
// Where x is positive, a bit for each number: byte j of row i of the mask holds column j of the
// rows 8 i to 8 i + 7 of x, the first in the lowest bit. `rows` is a multiple of 8.
void relate_positive_mask(ptrdiff_t rows, ptrdiff_t width, const float *x, uint8_t *mask);
// out = mask ? gradient : 0 for `rows` rows from row `start` of the mask on; columns += the sum
// over rows of that before rounding.
void relate_masked_rows(ptrdiff_t start, ptrdiff_t rows, ptrdiff_t width, const uint8_t *mask,
                        const float *gradient, float *out, float *columns);
void relate_masked_rows_bfloat16(ptrdiff_t start, ptrdiff_t rows, ptrdiff_t width,
                                 const uint8_t *mask, const float *gradient, uint16_t *out,
                                 float *columns);
// out = activation > 0 ? gradient : 0; columns += the sum over rows of that before rounding.
void relate_relu_backward(ptrdiff_t rows, ptrdiff_t width, const float *activation,
                          const float *gradient, float *out, float *columns);
void relate_relu_backward_bfloat16(ptrdiff_t rows, ptrdiff_t width, const uint16_t *activation,
                                   const float *gradient, uint16_t *out, float *columns);
// With g = activation > 0 ? gradient : 0: first[j] += g[j], second += the sum over j of g[j].
void relate_pair_backward(ptrdiff_t rows, ptrdiff_t width, const float *gradient,
                          const float *activation, float *first, float *second);
void relate_pair_backward_bfloat16(ptrdiff_t rows, ptrdiff_t width, const float *gradient,
                                   const uint16_t *activation, float *first, float *second);

// MARK: Layers (layers.c)

// Columns of patches: out[(c, ky, kx), (oy, ox)] with row stride `out_stride`.
typedef struct {
  ptrdiff_t channels, height, width, kernel_height, kernel_width, stride, padding, out_height,
      out_width;
} relate_convolution_shape;
void relate_image_to_columns(const relate_convolution_shape *shape, const float *image, float *out,
                             ptrdiff_t out_stride);
// The adjoint: adds the columns to the image.
void relate_columns_to_image(const relate_convolution_shape *shape, const float *columns,
                             ptrdiff_t column_stride, float *image);
// y = (x - mean) * factor + offset
void relate_normalize(ptrdiff_t count, const float *x, float mean, float factor, float offset,
                      float *y);
// out = a * g + b * (x - mean) + c: about the mean, where b * x and c would cancel
void relate_normalize_backward(ptrdiff_t count, const float *g, const float *x, float mean, float a,
                               float b, float c, float *out);
// A step of `count` units, those of all sequences of a chunk; gates is [4, count], all i, then all
// f, all g and all o, before their activations, and becomes activated in place.
// cell = f * previous + i * g; hidden = o * tanh(cell). previous may be NULL (zeros).
void relate_lstm_cell(ptrdiff_t count, float *gates, const float *previous, float *cell,
                      float *hidden);
// From the gradient of hidden and (in cell_gradient) of cell, with gates as activated: the gradient
// of the gates before activation, [4, count] as well, and of the previous cell in place of
// cell_gradient.
void relate_lstm_cell_backward(ptrdiff_t count, const float *gates, const float *previous,
                               const float *cell, const float *hidden_gradient,
                               float *cell_gradient, float *gate_gradient);

// MARK: Lanes (lanes.c)

// Sixteen images of a block, or sequences of a chunk, are computed side by side, one in each lane
// of a vector. Steps and offsets are counted in scalars, and so are multiples of sixteen; vectors
// begin on 64-byte boundaries.
enum { RELATE_LANES = 16, RELATE_LANE_GROUP = 8 };

// out[c, i] = bias[c] + sum over inputs k of weights[c, k] * x[i * x_step + offsets[k]] for the c
// below `outputs` and a row of vectors i. Weights lie in groups of eight outputs, [group, input,
// output within the group], the last one filled up; bias may be NULL.
void relate_multiply_lanes(ptrdiff_t inputs, const int32_t *offsets, const float *weights,
                           const float *bias, const float *x, ptrdiff_t x_step, ptrdiff_t vectors,
                           ptrdiff_t outputs, float *out, ptrdiff_t out_step,
                           ptrdiff_t output_step);
// out[i] = the sum of x[i]'s lanes.
void relate_sum_lanes(ptrdiff_t count, const float *x, float *out);

// MARK: Blocks of images (convolution.c)

// A block is sixteen images side by side: each element [c, y, x] is a vector with a lane for each
// image, and the lanes of images that do not exist are 0 where anything is added up.

// The extents of a block, which may lie within a border of zeros: so many rows above and columns to
// the left of it, and so many below and to the right.
typedef struct {
  ptrdiff_t channels, height, width, before, after;
} relate_block_shape;
// From [images, channels, height, width] to a block, and back.
void relate_block_from_images(const relate_block_shape *shape, ptrdiff_t images, const float *from,
                              float *block);
void relate_block_to_images(const relate_block_shape *shape, ptrdiff_t images, const float *block,
                            float *to);
// The pixels of some rows of a gradient, and how far apart they and the inputs they came from lie.
typedef struct {
  ptrdiff_t rows, pixels, x_row, x_step, g_row, g_channel;
} relate_block_walk;
// sums[c, tap] += sum over the pixels i of x[i + offsets[tap]] * g[c, i], lane by lane.
void relate_block_weight_gradient(ptrdiff_t channels, ptrdiff_t taps, const int32_t *offsets,
                                  const relate_block_walk *walk, const float *x, const float *g,
                                  float *sums);
// The sum of a channel's scalars and of their squares.
void relate_block_moments(ptrdiff_t pixels, ptrdiff_t images, const float *y, double *moments);
// (y - mean) * factor + offset
typedef struct {
  float mean, factor, offset;
} relate_block_normalization;
// A channel, y without a border, normalised and rectified, into one with a border.
void relate_block_normalize_relu(const relate_block_shape *shape,
                                 const relate_block_normalization *normalization, const float *y,
                                 float *out);
// With g' = g where the normalised y is positive, else 0: the sums of g' and of g' (y - mean).
void relate_block_gradient_moments(ptrdiff_t pixels, ptrdiff_t images,
                                   const relate_block_normalization *normalization, const float *g,
                                   const float *y, double *moments);
// a g' + b (y - mean) + c, into a channel with a border.
void relate_block_normalize_relu_backward(const relate_block_shape *shape, ptrdiff_t images,
                                          const relate_block_normalization *normalization, float a,
                                          float b, float c, const float *g, const float *y,
                                          float *out);
