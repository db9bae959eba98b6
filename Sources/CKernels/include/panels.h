// Products for processors with AVX-512, and in float32 for those with AVX2 and FMA: those of the
// layers of g, whose operands lie as the processor wants to read them and whose results are
// finished while they are still in registers; and a general one.
//
// A panel is 32 neighbouring columns of a matrix, row after row; a matrix is its panels, one after
// another, its width filled up with columns of zeros. A word is 32 bits: a float32, or two
// bfloat16 that are multiplied and added in pairs. So a bfloat16 matrix lies in one of two ways:
//
//   by columns  a word holds neighbouring columns of a row, to be multiplied along its columns
//   by rows     a word holds neighbouring rows of a column, to be multiplied along its rows
//
// A float32 matrix lies in one way that serves both. The numbers of rows of activations and
// gradients are multiples of 8.
//
// A mask says where a matrix of activations is positive, 32 columns in a word: mask[panel * rows +
// row], the first column in the lowest bit. The forward kernels write none if it is NULL.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RELATE_PANEL = 32 };

// Whether this processor has the instructions for it.
bool relate_panels_are_supported(void);
bool relate_panels_support_bfloat16(void);

// A matrix of activations or gradients, its parts in the one or the other way; what is not wanted
// is NULL. In float32 one pointer is enough, and `by_columns` is taken first.
typedef struct {
  void *by_columns, *by_rows;
} relate_panels;

// Which objects and which sample the pair in each row of a tile belongs to: rows of the terms of
// the first layer, and of what is summed. -1 in rows that belong to no pair.
typedef struct {
  ptrdiff_t rows;
  const int32_t *first, *second, *sample;
} relate_panels_pairs;

// The kernels for one type of operands: float32 or bfloat16. Sums are float32.
typedef struct {
  // A matrix [rows, width] as a right factor along its rows, filled up with zeros to multiples of
  // 32 rows and columns. One of the steps between its rows and between its columns is 1.
  void (*pack)(ptrdiff_t rows, ptrdiff_t width, const float *x, ptrdiff_t row_step,
               ptrdiff_t column_step, void *out);
  // x = relu(first[j] + second[i]) of the pairs; where it is positive, a bit for each value.
  void (*pair_forward)(const relate_panels_pairs *pairs, ptrdiff_t width, const float *first,
                       const float *second, relate_panels x, uint32_t *mask);
  // y = relu(x W^T + b); the bias fills its last panel.
  void (*forward)(ptrdiff_t rows, ptrdiff_t inputs, ptrdiff_t outputs, const void *x,
                  const void *weight, const float *bias, relate_panels y, uint32_t *mask);
  // sums[sample] += relu(x W^T + b) of the pairs of each sample.
  void (*sum_forward)(const relate_panels_pairs *pairs, ptrdiff_t inputs, ptrdiff_t outputs,
                      const void *x, const void *weight, const float *bias, float *sums,
                      uint32_t *mask);
  // g = gradient[sample] where the mask says so; columns += its sums over rows.
  void (*sum_backward)(const relate_panels_pairs *pairs, ptrdiff_t width, const float *gradient,
                       const uint32_t *mask, relate_panels g, float *columns);
  // out = g W where the mask says so; columns += its sums over rows.
  void (*backward)(ptrdiff_t rows, ptrdiff_t inputs, ptrdiff_t outputs, const void *g,
                   const void *weight, const uint32_t *mask, relate_panels out, float *columns);
  // The same of the second layer, added up for every object into first and second.
  void (*pair_backward)(const relate_panels_pairs *pairs, ptrdiff_t inputs, ptrdiff_t outputs,
                        const void *g, const void *weight, const uint32_t *mask, float *first,
                        float *second);
  // out = g^T x, or out += g^T x, of operands by rows.
  void (*weight_gradient)(ptrdiff_t rows, ptrdiff_t outputs, ptrdiff_t inputs, const void *g,
                          const void *x, bool accumulates, float *out);
  // Row-major out = left right, or out += left right, and a bias for each row unless it is NULL:
  // left is [m, k] for any m, its words `step` apart and its rows `row_step`; right [k, n] is
  // packed.
  void (*multiply)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *left, ptrdiff_t row_step,
                   ptrdiff_t step, const void *right, const float *bias, bool accumulates,
                   float *out, ptrdiff_t stride);
} relate_panel_kernels;

extern const relate_panel_kernels relate_panel_kernels_float32, relate_panel_kernels_bfloat16;
// For AVX2 and FMA: the bits of relate_panel_kernels_float32.
extern const relate_panel_kernels relate_panel_kernels_float32_avx2;
bool relate_panels_run_on_avx2(void);
