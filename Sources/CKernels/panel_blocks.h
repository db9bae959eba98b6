// Rows and blocks of panels in registers, for the vectors that were included before.
#pragma once
#include "panels.h"

// A block is 8 rows of a panel; what is added up over rows is so in blocks first, whatever the
// vectors are.
enum { BLOCK_ROWS = 8, PANEL = RELATE_PANEL, VECTORS = PANEL / LANES };

typedef struct {
  vector row[BLOCK_ROWS][VECTORS];
} block;

INLINE ptrdiff_t panel_count(ptrdiff_t width) { return (width + PANEL - 1) / PANEL; }
INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

// The rows of a left factor that are reused.
INLINE ptrdiff_t reused_rows(ptrdiff_t words) {
  const ptrdiff_t rows = REUSED_BYTES / 4 / (words ? words : 1) / BLOCK_ROWS * BLOCK_ROWS;
  return rows < BLOCK_ROWS ? BLOCK_ROWS : rows;
}

INLINE ptrdiff_t slice_words(ptrdiff_t slice, ptrdiff_t words) {
  return smaller(words - slice, SLICE_WORDS);
}

// The blocks of reused rows where there is more than one slice.
enum { MOST_UNFINISHED = REUSED_BYTES / 4 / SLICE_WORDS / BLOCK_ROWS };

// Which of 32 columns from `start` on a row of `width` has.
INLINE uint32_t columns_from(ptrdiff_t start, ptrdiff_t width) {
  const ptrdiff_t count = width - start;
  return count <= 0 ? 0 : count >= PANEL ? ~0u : (1u << count) - 1;
}

#define ROW VECTOR
#define EACH_VECTOR _Pragma("clang loop unroll(full)") for (int j = 0; j < VECTORS; j++)
#define EACH_ROW _Pragma("clang loop unroll(full)") for (int i = 0; i < BLOCK_ROWS; i++)

// MARK: Rows, of which a mask says what columns there are

ROW void load_row(const float *from, uint32_t columns, vector row[VECTORS]) {
  EACH_VECTOR row[j] = load_where(columns >> LANES * j, from + LANES * j);
}

ROW void store_row(float *to, uint32_t columns, const vector row[VECTORS]) {
  EACH_VECTOR store_where(columns >> LANES * j, to + LANES * j, row[j]);
}

ROW void prefetch_row(const float *row) {
  __builtin_prefetch(row, 1), __builtin_prefetch(row + 16, 1);
}

enum { LARGER_CACHE = 2, NEAREST_CACHE = 3 };

// Fetches `count` words into a cache; there need not be so many.
#define PREFETCH(words, count, cache)                  \
  for (ptrdiff_t line = 0; line < (count); line += 16) \
  __builtin_prefetch((words) + line, 0, cache)

ROW void add_to_row(float *to, uint32_t columns, const vector row[VECTORS]) {
  vector sum[VECTORS];
  load_row(to, columns, sum);
  EACH_VECTOR sum[j] = plus(sum[j], row[j]);
  store_row(to, columns, sum);
}

ROW void keep_row_where(uint32_t mask, vector row[VECTORS]) {
  EACH_VECTOR row[j] = keep_where(mask >> LANES * j, row[j]);
}

// Returns where the row is positive.
ROW uint32_t relu_row(vector row[VECTORS]) {
  uint32_t positive = 0;
  EACH_VECTOR {
    positive |= where_positive(row[j]) << LANES * j;
    row[j] = relu(row[j]);
  }
  return positive;
}

// Leaves in `mask`, unless it is NULL, where each row is positive.
ROW void relu_block(block *b, uint32_t *mask) {
  EACH_ROW {
    uint32_t positive = relu_row(b->row[i]);
    if (mask) mask[i] = positive;
  }
}

ROW void add_rows_together(vector sum[VECTORS], const vector row[VECTORS]) {
  EACH_VECTOR sum[j] = plus(sum[j], row[j]);
}

ROW void copy_row(vector to[VECTORS], const vector row[VECTORS]) { EACH_VECTOR to[j] = row[j]; }

// The sums of a tile are copied where they are added to, so that they stay in registers.
ROW void copy_tile(vector (*to)[VECTORS], vector (*tile)[VECTORS]) {
  for (int i = 0; i < TILE_ROWS; i++) copy_row(to[i], tile[i]);
}

ROW void sum_rows(const block *b, vector sum[VECTORS]) {
  copy_row(sum, b->row[0]);
  for (int i = 1; i < BLOCK_ROWS; i++) add_rows_together(sum, b->row[i]);
}

// Adds each row of a block to the row of `to` that its index says, neighbours of the same index
// together; not at all where the index is -1.
ROW void add_rows(const block *b, const int32_t *index, float *to, ptrdiff_t width,
                  uint32_t columns) {
  vector sum[VECTORS];
  copy_row(sum, b->row[0]);
#pragma clang loop unroll(full)
  for (int i = 1; i <= BLOCK_ROWS; i++) {
    if (i < BLOCK_ROWS && index[i] == index[i - 1]) {
      add_rows_together(sum, b->row[i]);
      continue;
    }
    if (index[i - 1] >= 0) add_to_row(to + index[i - 1] * width, columns, sum);
    if (i < BLOCK_ROWS) copy_row(sum, b->row[i]);
  }
}

// Begins the sums of a slice: with a bias or with zeros, or with those that the slice before left.
ROW void begin(const block unfinished[MOST_UNFINISHED], ptrdiff_t row, ptrdiff_t slice,
               const float *bias, block *sums) {
  const block *left = unfinished + row / BLOCK_ROWS % MOST_UNFINISHED;
  EACH_ROW EACH_VECTOR sums->row[i][j] = slice > 0 ? left->row[i][j]
                                         : bias    ? load(bias + LANES * j)
                                                   : zeros();
}

// Whether that was the last slice; otherwise leaves its sums for the next one.
ROW bool ends(block unfinished[MOST_UNFINISHED], ptrdiff_t row, ptrdiff_t slice, ptrdiff_t words,
              const block *sums) {
  if (slice + SLICE_WORDS >= words) return true;
  unfinished[row / BLOCK_ROWS % MOST_UNFINISHED] = *sums;
  return false;
}

// As many rows of a panel as a vector has lanes, zeros where the matrix has no row or no column;
// either its rows or its columns lie side by side.
ROW void load_rows(const float *from, ptrdiff_t row_step, ptrdiff_t column_step, ptrdiff_t rows,
                   ptrdiff_t columns, vector out[LANES][VECTORS]) {
  if (column_step == 1) {
    for (int i = 0; i < LANES; i++)
      load_row(from + (i < rows ? i * row_step : 0), i < rows ? columns_from(0, columns) : 0,
               out[i]);
    return;
  }
  EACH_VECTOR {
    vector part[LANES];
    transpose(from + j * LANES * column_step, column_step, smaller(rows, LANES),
              columns - j * LANES, part);
    for (int i = 0; i < LANES; i++) out[i][j] = part[i];
  }
}
