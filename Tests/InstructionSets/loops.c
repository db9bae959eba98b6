// Runs the loops of CKernels and prints a hash of what each group wrote. Compiled once for each
// instruction set by InstructionSetTests, which holds the outputs against one another: the loader
// never picks more than one of them on a machine.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static uint64_t state = 20170605, hash;

static float uniform(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(state >> 40) / (1 << 23) - 1);
}

// `count` numbers from -1 to 1, on a boundary of 64 bytes as vectors want it.
static float *numbers(size_t count) {
  float *x = aligned_alloc(64, (count * sizeof *x + 63) / 64 * 64);
  if (!x) exit(1);
  for (size_t i = 0; i < count; i++) x[i] = uniform();
  return x;
}

static void seen(const void *memory, size_t bytes) {
  const uint8_t *byte = memory;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 1099511628211u;
}

static void floats(const float *x, size_t count) { seen(x, count * sizeof *x); }

static void report(const char *name) {
  printf("%s %016llx\n", name, (unsigned long long)hash);
  hash = 0;
}

static void elementwise(void) {
  enum { COUNT = 4097 };
  float *x = numbers(COUNT), *y = numbers(COUNT), *out = numbers(COUNT);
  for (int operation = RELATE_ADD; operation <= RELATE_LEAKY_RELU_GRADIENT; operation++)
    for (int varying = 0; varying < 4; varying++) {
      relate_binary(operation, COUNT, x, varying & 1, y, varying & 2, 0.2f, out);
      floats(out, COUNT);
    }
  report("binary");
  for (int operation = RELATE_SCALE; operation <= RELATE_SQUARE_ROOT; operation++) {
    // From denormal numbers to 1e30; logarithms and roots of what is positive.
    bool is_positive = operation == RELATE_LOG || operation == RELATE_SQUARE_ROOT;
    for (int i = 0; i < COUNT; i++)
      y[i] = (is_positive ? fabsf(x[i]) : x[i]) * ldexpf(1, i % 250 - 149);
    relate_unary(operation, COUNT, y, 0.3f, out);
    floats(out, COUNT);
  }
  report("unary");
  relate_add_scaled(COUNT, 0.7f, x, out);
  floats(out, COUNT);
  report("add scaled");
}

static void reductions(void) {
  enum { COUNT = 1031, ROWS = 7, COLUMNS = 147 };
  float *x = numbers(COUNT), *y = numbers(COUNT), *out = numbers(COUNT);
  double sums[] = {
      relate_sum(COUNT, x),
      relate_dot(COUNT, x, y),
      relate_squared_deviations(COUNT, x, 0.1),
      relate_centred_dot(COUNT, x, 0.1, y),
      relate_binary_cross_entropy(COUNT, x, y),
  };
  seen(sums, sizeof sums);
  report("sums");
  relate_add_columns(ROWS, COLUMNS, x, out);
  floats(out, COLUMNS);
  for (int columns = 1; columns < 65; columns += 9) {
    relate_add_columns(COUNT / columns, columns, x, out);
    floats(out, columns);
  }
  int32_t order[20];
  for (int i = 0; i < 20; i++) order[i] = i * 13 % 7;
  relate_add_rows(20, order, COLUMNS, x, out);
  floats(out, COLUMNS);
  for (int logarithm = 0; logarithm < 2; logarithm++) {
    relate_softmax(ROWS, COLUMNS, x, logarithm, out);
    floats(out, ROWS * COLUMNS);
  }
  report("columns and softmax");
}

static void sorting(void) {
  // Ties and not-a-number, in few and in many numbers, next to one another and not.
  enum { COUNT = 2600 };
  float *x = numbers(COUNT);
  for (int i = 0; i < COUNT; i++) x[i] = i % 89 ? roundf(64 * x[i]) : NAN;
  int32_t *positions = calloc(COUNT, sizeof *positions);
  uint64_t *scratch = calloc(2 * COUNT, sizeof *scratch);
  if (!positions || !scratch) exit(1);
  const int shapes[][3] = {{1, 26, 100}, {104, 25, 1}, {2, 650, 2}, {1, COUNT, 1}, {5, 130, 4}};
  for (int i = 0; i < 10; i++) {
    const int *shape = shapes[i / 2];
    relate_sorted_positions(shape[0], shape[1], shape[2], x, i % 2, positions, scratch);
    seen(positions, COUNT * sizeof *positions);
  }
  report("sorting");
}

static void update(void) {
  enum { COUNT = 999 };
  float *p = numbers(COUNT), *m = numbers(COUNT), *v = numbers(COUNT), *g = numbers(COUNT);
  for (int i = 0; i < COUNT; i++) v[i] = fabsf(v[i]);
  relate_adam(COUNT, p, m, v, g, 0.1f, 0.999f, 0.001f, 1e-8f, 1e-3f, 0.03f);
  floats(p, COUNT), floats(m, COUNT), floats(v, COUNT);
  const float *contributions[] = {p, m, g};
  relate_mean(COUNT, 3, contributions, 1 / 3.0f, v);
  floats(v, COUNT);
  report("update");
}

static void relation(void) {
  enum { ROWS = 24, WIDTH = 37, COUNT = ROWS * WIDTH, START = 3, REST = ROWS - START };
  float *x = numbers(COUNT), *row = numbers(WIDTH), *out = numbers(COUNT);
  float *gradient = numbers(COUNT), *columns = numbers(WIDTH), *first = numbers(COUNT);
  uint16_t *rounded = calloc(COUNT, sizeof *rounded), *activation = calloc(COUNT, 2);
  uint8_t *mask = calloc(ROWS / 8 * WIDTH, 1);
  if (!rounded || !activation || !mask) exit(1);
  relate_pair_forward(ROWS, WIDTH, x, row, out);
  floats(out, COUNT);
  relate_pair_forward_bfloat16(ROWS, WIDTH, x, row, activation);
  seen(activation, COUNT * 2);
  relate_positive_mask(ROWS, WIDTH, x, mask);
  seen(mask, ROWS / 8 * WIDTH);
  relate_masked_rows(START, REST, WIDTH, mask, gradient, out, columns);
  floats(out, REST * WIDTH), floats(columns, WIDTH);
  relate_masked_rows_bfloat16(START, REST, WIDTH, mask, gradient, rounded, columns);
  seen(rounded, REST * WIDTH * 2), floats(columns, WIDTH);
  relate_relu_backward(ROWS, WIDTH, x, gradient, out, columns);
  floats(out, COUNT), floats(columns, WIDTH);
  relate_relu_backward_bfloat16(ROWS, WIDTH, activation, gradient, rounded, columns);
  seen(rounded, COUNT * 2), floats(columns, WIDTH);
  relate_pair_backward(REST, WIDTH, gradient, x, first, columns);
  relate_pair_backward_bfloat16(REST, WIDTH, gradient, activation, first, columns);
  floats(first, COUNT), floats(columns, WIDTH);
  relate_sum_rows(REST, WIDTH, x, columns);
  floats(columns, WIDTH);
  relate_bias_relu(ROWS, WIDTH, row, x);
  floats(x, COUNT);
  report("relation");
}

static void layers(void) {
  relate_convolution_shape shape = {2, 7, 6, 3, 2, 2, 1, 4, 4};
  enum { PIXELS = 2 * 7 * 6, COLUMNS = 2 * 3 * 2 * 4 * 4 };
  float *image = numbers(PIXELS), *columns = numbers(COLUMNS), *out = numbers(PIXELS);
  relate_image_to_columns(&shape, image, columns, 16);
  floats(columns, COLUMNS);
  relate_columns_to_image(&shape, columns, 16, image);
  relate_normalize(PIXELS, image, 0.1f, 0.3f, 0.2f, out);
  floats(out, PIXELS);
  relate_normalize_backward(PIXELS, image, out, 0.1f, 0.3f, 0.2f, 0.5f, columns);
  floats(columns, PIXELS);
  report("layers");
  enum { UNITS = 496 };
  float *gates = numbers(4 * UNITS), *previous = numbers(UNITS), *cell = numbers(UNITS);
  float *hidden = numbers(UNITS), *cell_gradient = numbers(UNITS), *slopes = numbers(4 * UNITS);
  relate_lstm_cell(UNITS, gates, previous, cell, hidden);
  floats(gates, 4 * UNITS), floats(cell, UNITS), floats(hidden, UNITS);
  relate_lstm_cell_backward(UNITS, gates, previous, cell, hidden, cell_gradient, slopes);
  floats(cell_gradient, UNITS), floats(slopes, 4 * UNITS);
  report("lstm");
}

static void lanes(void) {
  enum { INPUTS = 29, OUTPUTS = 13, GROUPED = 16, VECTORS = 11, L = RELATE_LANES };
  float *weights = numbers(GROUPED * INPUTS), *bias = numbers(GROUPED);
  float *x = numbers(L * (INPUTS + VECTORS)), *out = numbers(L * OUTPUTS * VECTORS);
  float *sums = numbers(OUTPUTS * VECTORS);
  int32_t offsets[INPUTS];
  for (int i = 0; i < INPUTS; i++) offsets[i] = L * i;
  relate_multiply_lanes(INPUTS, offsets, weights, bias, x, L, VECTORS, OUTPUTS, out, L,
                        VECTORS * L);
  floats(out, L * OUTPUTS * VECTORS);
  relate_sum_lanes(OUTPUTS * VECTORS, out, sums);
  floats(sums, OUTPUTS * VECTORS);
  // Without a bias; tiles of one, two and three vectors, and none.
  for (int vectors = 0; vectors <= 4; vectors++) {
    relate_multiply_lanes(INPUTS, offsets, weights, NULL, x, L, vectors, OUTPUTS, out, L,
                          VECTORS * L);
    floats(out, L * OUTPUTS * VECTORS);
  }
  report("lanes");
}

// Images of 3 x 5 pixels, eleven in a block, within a border of one before and two after.
static void blocks(void) {
  enum { CHANNELS = 13, TAPS = 7, HEIGHT = 3, WIDTH = 5, PIXELS = HEIGHT * WIDTH, IMAGES = 11 };
  enum { L = RELATE_LANES, BORDERED = (HEIGHT + 3) * (WIDTH + 3) };
  float *gradient = numbers(L * PIXELS * CHANNELS), *x = numbers(L * 9 * 20);
  float *sums = numbers(CHANNELS * TAPS * L), *y = numbers(L * PIXELS);
  float *out = numbers(L * BORDERED);
  int32_t offsets[TAPS];
  for (int i = 0; i < TAPS; i++) offsets[i] = L * i;
  relate_block_walk walk = {HEIGHT, WIDTH, L * 9, L, L * WIDTH, L * PIXELS};
  relate_block_weight_gradient(CHANNELS, TAPS, offsets, &walk, x, gradient, sums);
  floats(sums, CHANNELS * TAPS * L);
  double moments[2];
  relate_block_moments(PIXELS, IMAGES, y, moments);
  seen(moments, sizeof moments);
  relate_block_normalization normalization = {0.1f, 1.3f, 0.2f};
  relate_block_shape shape = {1, HEIGHT, WIDTH, 1, 2};
  relate_block_normalize_relu(&shape, &normalization, y, out);
  floats(out, L * BORDERED);
  relate_block_gradient_moments(PIXELS, IMAGES, &normalization, gradient, y, moments);
  seen(moments, sizeof moments);
  relate_block_normalize_relu_backward(&shape, IMAGES, &normalization, 0.3f, 0.2f, 0.1f, gradient,
                                       y, out);
  floats(out, L * BORDERED);
  report("blocks");
  // To a block and back, within a border and without, some lanes empty and none.
  enum { SIZE = CHANNELS * PIXELS };
  float *images = numbers(L * SIZE), *back = numbers(L * SIZE);
  float *block = numbers(L * BORDERED * CHANNELS);
  for (int i = 0; i < 4; i++) {
    relate_block_shape whole = {CHANNELS, HEIGHT, WIDTH, i % 2, 2 * (i % 2)};
    const int count = i < 2 ? IMAGES : L, elements = i % 2 ? BORDERED : PIXELS;
    relate_block_from_images(&whole, count, images, block);
    floats(block, (size_t)(L * elements * CHANNELS));
    relate_block_to_images(&whole, count, block, back);
    floats(back, (size_t)(count * SIZE));
    if (memcmp(images, back, (size_t)(count * SIZE) * sizeof *back)) puts("images differ");
  }
  report("images");
}

int main(void) {
  elementwise();
  reductions();
  sorting();
  update();
  relation();
  layers();
  lanes();
  blocks();
}
