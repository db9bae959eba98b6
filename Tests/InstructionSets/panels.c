// Runs the kernels of panels on inputs of which a share is zero, holds the layers against plain
// loops, and prints a hash of all that was written for each set of kernels. Compiled by
// PanelInstructionTests for several vectors, and so that zeros are always left out and never.
#include "panels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PANEL = RELATE_PANEL, BLOCK = 8, OBJECTS = 5, SAMPLES = 4 };

static uint64_t state, hash;
static int failures;

static uint32_t random_bits(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

static float uniform(void) { return (float)(random_bits() % 2001) / 1000 - 1; }

static void *room(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!memory) exit(1);
  return memset(memory, 0, (bytes + 127) / 64 * 64);
}

static float *numbers(ptrdiff_t count) {
  float *x = room((size_t)count * 4);
  for (ptrdiff_t i = 0; i < count; i++) x[i] = uniform();
  return x;
}

static void seen(const void *memory, ptrdiff_t bytes) {
  const uint8_t *byte = memory;
  for (ptrdiff_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 1099511628211u;
}

static ptrdiff_t filled(ptrdiff_t width) { return (width + PANEL - 1) / PANEL * PANEL; }

// Zero in all rows of a block for so many of a hundred columns, and here and there in the others;
// the zeros have both signs where nothing has been through a ReLU.
static float *activations(ptrdiff_t rows, ptrdiff_t width, int dead) {
  float *x = numbers(rows * width);
  for (ptrdiff_t row = 0; row < rows; row += BLOCK)
    for (ptrdiff_t column = 0; column < width; column++) {
      const bool is_dead = (int)(random_bits() % 100) < dead;
      for (ptrdiff_t i = row; i < row + BLOCK; i++) {
        float *value = x + i * width + column;
        if (is_dead) *value = 0;
        else if (random_bits() % 3 == 0) *value = random_bits() % 8 ? 0 : -0.0f;
      }
    }
  return x;
}

static uint16_t upper(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return (uint16_t)(bits >> 16);
}

// A matrix in panels; bfloat16 by columns or by rows, cut off rather than rounded.
static void *panels(ptrdiff_t rows, ptrdiff_t width, const float *x, int bytes, bool by_rows) {
  char *out = room((size_t)(rows * filled(width)) * (size_t)bytes);
  for (ptrdiff_t row = 0; row < rows; row++)
    for (ptrdiff_t column = 0; column < width; column++) {
      const float value = x[row * width + column];
      const ptrdiff_t panel = column / PANEL, inner = column % PANEL;
      if (bytes == 4) ((float *)out)[(panel * rows + row) * PANEL + inner] = value;
      else if (!by_rows) ((uint16_t *)out)[(panel * rows + row) * PANEL + inner] = upper(value);
      else
        ((uint16_t *)out)[((panel * rows + row) / 2 * PANEL + inner) * 2 + row % 2] = upper(value);
    }
  return out;
}

typedef struct {
  const relate_panel_kernels *table;
  int bytes;
  ptrdiff_t rows, inputs, outputs;
  // [rows, inputs], [rows, outputs], [outputs, inputs], [outputs].
  const float *x, *g, *weight, *bias;
  const uint32_t *mask;
  const relate_panels_pairs *pairs;
} layer;

static bool has(const uint32_t *mask, ptrdiff_t rows, ptrdiff_t row, ptrdiff_t column) {
  return mask[column / PANEL * rows + row] >> column % PANEL & 1;
}

static void expect(const layer *l, const char *what, const float *panel, ptrdiff_t row,
                   ptrdiff_t column, float wanted) {
  const float is = panel[(column / PANEL * l->rows + row) * PANEL + column % PANEL];
  if (memcmp(&is, &wanted, 4) == 0 || failures++ > 9) return;
  printf("%s of %td x %td to %td, row %td column %td: %a, not %a\n", what, l->rows, l->inputs,
         l->outputs, row, column, is, wanted);
}

// The plain loops that every bit of float32 has to agree with; of zeros, the positive one.
static void expect_forward(const layer *l, const float *y) {
  for (ptrdiff_t row = 0; row < l->rows; row++)
    for (ptrdiff_t o = 0; o < l->outputs; o++) {
      float sum = l->bias[o];
      for (ptrdiff_t i = 0; i < l->inputs; i++)
        sum = fmaf(l->x[row * l->inputs + i], l->weight[o * l->inputs + i], sum);
      expect(l, "forward", y, row, o, sum <= 0 ? 0 : sum);
    }
}

static void expect_backward(const layer *l, const float *out) {
  for (ptrdiff_t row = 0; row < l->rows; row++)
    for (ptrdiff_t i = 0; i < l->inputs; i++) {
      float sum = 0;
      for (ptrdiff_t o = 0; o < l->outputs; o++)
        sum = fmaf(l->g[row * l->outputs + o], l->weight[o * l->inputs + i], sum);
      expect(l, "backward", out, row, i, has(l->mask, l->rows, row, i) ? sum + 0.0f : 0);
    }
}

static void expect_weight_gradient(const layer *l, const float *out) {
  for (ptrdiff_t o = 0; o < l->outputs; o++)
    for (ptrdiff_t i = 0; i < l->inputs; i++) {
      float sum = 0;
      for (ptrdiff_t row = 0; row < l->rows; row++)
        sum = fmaf(l->g[row * l->outputs + o], l->x[row * l->inputs + i], sum);
      sum += 0.0f;
      if (memcmp(&sum, out + o * l->inputs + i, 4) == 0 || failures++ > 9) continue;
      printf("weight gradient of %td x %td to %td\n", l->rows, l->inputs, l->outputs);
    }
}

static void forwards(const layer *l) {
  const ptrdiff_t width = filled(l->outputs), size = l->rows * width;
  void *weight = room((size_t)(filled(l->inputs) * width * l->bytes));
  l->table->pack(l->inputs, l->outputs, l->weight, 1, l->inputs, weight);
  seen(weight, filled(l->inputs) * width * l->bytes);
  float *bias = room((size_t)width * 4);
  memcpy(bias, l->bias, (size_t)l->outputs * 4);
  void *x = panels(l->rows, l->inputs, l->x, l->bytes, false);
  uint32_t *mask = room((size_t)(size / 8));
  char *y = room((size_t)size * 4), *by_rows = room((size_t)size * 4);
  l->table->forward(l->rows, l->inputs, l->outputs, x, weight, bias,
                    (relate_panels){y, l->bytes == 4 ? NULL : by_rows}, mask);
  seen(y, size * l->bytes), seen(by_rows, size * l->bytes), seen(mask, size / 8);
  if (l->bytes == 4) expect_forward(l, (float *)y);
  float *sums = numbers(SAMPLES * l->outputs);
  l->table->sum_forward(l->pairs, l->inputs, l->outputs, x, weight, bias, sums, mask);
  seen(sums, SAMPLES * l->outputs * 4), seen(mask, size / 8);
  free(weight), free(bias), free(x), free(mask), free(y), free(by_rows), free(sums);
}

static void backwards(const layer *l) {
  const ptrdiff_t width = filled(l->inputs), size = l->rows * width;
  void *weight = room((size_t)(filled(l->outputs) * width * l->bytes));
  l->table->pack(l->outputs, l->inputs, l->weight, l->inputs, 1, weight);
  void *g = panels(l->rows, l->outputs, l->g, l->bytes, false);
  char *out = room((size_t)size * 4), *by_rows = room((size_t)size * 4);
  float *columns = numbers(l->inputs);
  l->table->backward(l->rows, l->inputs, l->outputs, g, weight, l->mask,
                     (relate_panels){out, l->bytes == 4 ? NULL : by_rows}, columns);
  seen(out, size * l->bytes), seen(by_rows, size * l->bytes), seen(columns, l->inputs * 4);
  if (l->bytes == 4) expect_backward(l, (float *)out);
  float *first = numbers(SAMPLES * OBJECTS * l->inputs);
  float *second = numbers(SAMPLES * OBJECTS * l->inputs);
  l->table->pair_backward(l->pairs, l->inputs, l->outputs, g, weight, l->mask, first, second);
  seen(first, SAMPLES * OBJECTS * l->inputs * 4), seen(second, SAMPLES * OBJECTS * l->inputs * 4);
  void *x_rows = panels(l->rows, l->inputs, l->x, l->bytes, true);
  void *g_rows = panels(l->rows, l->outputs, l->g, l->bytes, true);
  float *gradient = numbers(l->outputs * l->inputs);
  l->table->weight_gradient(l->rows, l->outputs, l->inputs, g_rows, x_rows, true, gradient);
  seen(gradient, l->outputs * l->inputs * 4);
  l->table->weight_gradient(l->rows, l->outputs, l->inputs, g_rows, x_rows, false, gradient);
  seen(gradient, l->outputs * l->inputs * 4);
  if (l->bytes == 4) expect_weight_gradient(l, gradient);
  free(weight), free(g), free(out), free(by_rows), free(columns), free(first), free(second);
  free(x_rows), free(g_rows), free(gradient);
}

// Both ends of the walk: the pairs, and the gradient of their sums.
static void ends(const layer *l) {
  const ptrdiff_t size = l->rows * filled(l->inputs);
  float *terms = numbers(2 * SAMPLES * OBJECTS * l->inputs), *columns = numbers(l->inputs);
  char *x = room((size_t)size * 4), *by_rows = room((size_t)size * 4);
  uint32_t *mask = room((size_t)(size / 8));
  const relate_panels to = {x, l->bytes == 4 ? NULL : by_rows};
  l->table->pair_forward(l->pairs, l->inputs, terms, terms + SAMPLES * OBJECTS * l->inputs, to,
                         mask);
  seen(x, size * l->bytes), seen(by_rows, size * l->bytes), seen(mask, size / 8);
  l->table->sum_backward(l->pairs, l->inputs, terms, mask, to, columns);
  seen(x, size * l->bytes), seen(by_rows, size * l->bytes), seen(columns, l->inputs * 4);
  // A general product of as many rows as there are, and of a few, with a bias and without.
  for (ptrdiff_t m = l->rows; l->bytes == 4 && m > 0; m = m > 3 ? 3 : m - 2) {
    void *weight = room((size_t)(filled(l->inputs) * filled(l->outputs) * 4));
    float *out = numbers(l->rows * l->outputs);
    l->table->pack(l->inputs, l->outputs, l->weight, 1, l->inputs, weight);
    l->table->multiply(m, l->outputs, l->inputs, l->x, l->inputs, 1, weight,
                       m == 3 ? l->bias : NULL, m > 3, out, l->outputs);
    seen(out, l->rows * l->outputs * 4);
    free(weight), free(out);
  }
  free(terms), free(columns), free(x), free(by_rows), free(mask);
}

static void run(const relate_panel_kernels *table, int bytes, ptrdiff_t rows, ptrdiff_t inputs,
                ptrdiff_t outputs, int dead) {
  state = 20170605 + (uint64_t)(rows * 31 + inputs * 7 + outputs + dead);
  int32_t *first = room((size_t)rows * 4), *second = room((size_t)rows * 4);
  int32_t *sample = room((size_t)rows * 4);
  // Ragged sets: runs of one to five pairs, and at the end rows of none.
  for (ptrdiff_t row = 0, object = 0, pair = 0; row < rows; row++, pair++) {
    const bool exists = row < rows - 3;
    if (pair > object % 3) object = (object + 1) % (SAMPLES * OBJECTS), pair = 0;
    first[row] = exists ? (int32_t)(object / OBJECTS * OBJECTS + pair % OBJECTS) : -1;
    second[row] = exists ? (int32_t)object : -1;
    sample[row] = exists ? (int32_t)(object / OBJECTS) : -1;
  }
  const relate_panels_pairs pairs = {rows, first, second, sample};
  uint32_t *mask = room((size_t)(rows * filled(inputs) / 8));
  for (ptrdiff_t i = 0; i < rows * filled(inputs) / PANEL; i++)
    mask[i] = random_bits() * 2654435761u;
  layer l = {table, bytes, rows, inputs, outputs, activations(rows, inputs, dead),
             activations(rows, outputs, dead), numbers(outputs * inputs), numbers(outputs), mask,
             &pairs};
  // A sum that is zero of either sign, and one too small for a float32.
  ((float *)l.bias)[0] = -0.0f;
  for (ptrdiff_t i = 0; i < inputs; i++) ((float *)l.weight)[i] *= i % 2 ? -0x1p-140f : 0;
  forwards(&l), backwards(&l), ends(&l);
  free(first), free(second), free(sample), free(mask);
  free((void *)l.x), free((void *)l.g), free((void *)l.weight), free((void *)l.bias);
}

static void run_all(const char *name, const relate_panel_kernels *table, int bytes) {
  static const ptrdiff_t widths[][2] = {{1, 1},   {2, 31},   {31, 33},  {32, 32},
                                        {33, 65}, {64, 31},  {65, 300}, {300, 129},
                                        {257, 9}, {513, 40}, {40, 515}, {1100, 34}, {2100, 8}};
  hash = 14695981039346656037u;
  for (int dead = 0; dead <= 100; dead += 25)
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
      run(table, bytes, 8, widths[i][0], widths[i][1], dead);
      run(table, bytes, 8 * (33 - 2 * (ptrdiff_t)i), widths[i][0], widths[i][1], dead);
    }
  run(table, bytes, 0, 33, 34, 0);
  printf("%s %016llx\n", name, (unsigned long long)hash);
}

int main(void) {
  if (relate_panels_are_supported()) run_all("float32", &relate_panel_kernels_float32, 4);
  if (relate_panels_run_on_avx2()) run_all("float32", &relate_panel_kernels_float32_avx2, 4);
  if (relate_panels_support_bfloat16()) run_all("bfloat16", &relate_panel_kernels_bfloat16, 2);
  return failures > 0;
}
