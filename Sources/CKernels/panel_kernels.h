// The kernels of panels, included once for each type of the operands: TARGET are the instructions
// there are, NAMED makes a function's name, VALUES_PER_WORD is 1 for float32 and 2 for bfloat16.

#undef KERNEL
#undef WORDS
#undef PACKED_PANEL
#undef FOR_EACH_SLICE
#undef FOR_EACH_SLICE_REUSING

#define KERNEL static inline __attribute__((always_inline)) TARGET
// The words of a row of a panel by columns.
#define WORDS (PANEL / VALUES_PER_WORD)

// sums += the products of a word of each row of the left factor with a row of a panel of the
// right one.
KERNEL __m512 NAMED(multiply_add)(__m512i a, __m512i b, __m512 sum) {
#if VALUES_PER_WORD == 1
  return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
#else
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#endif
}

// Adds to `rows` rows of a block of sums: over `count` words that lie `step` apart in the left
// factor, whose rows lie `row_step` apart, and that are rows of a panel of the right one.
KERNEL void NAMED(accumulate)(const int rows, ptrdiff_t count, const word *a, ptrdiff_t row_step,
                              ptrdiff_t step, const word *b, __m512 (*sums)[2]) {
#pragma clang loop unroll(disable)
  for (ptrdiff_t k = 0; k < count; k++, a += step, b += PANEL) {
    __m512i low = _mm512_loadu_si512(b), high = _mm512_loadu_si512(b + 16);
    for (int i = 0; i < rows; i++) {
      __m512i x = _mm512_set1_epi32(a[i * row_step]);
      sums[i][0] = NAMED(multiply_add)(x, low, sums[i][0]);
      sums[i][1] = NAMED(multiply_add)(x, high, sums[i][1]);
    }
  }
}

INLINE ptrdiff_t NAMED(word_count)(ptrdiff_t values) {
  return (values + VALUES_PER_WORD - 1) / VALUES_PER_WORD;
}

// A slice of a block's sums along the columns of a left factor of `rows` rows that lies by columns;
// `bias` is added, unless it is NULL. Whether that was the last slice: the sums are whole.
//
// The operands of long sums come from the larger caches. So the next columns of the left factor are
// fetched while these are multiplied; and of the blocks that share a slice of the right one, each
// fetches about its part of the slice that follows.
KERNEL bool NAMED(sum_columns)(block *unfinished, ptrdiff_t rows, ptrdiff_t row, ptrdiff_t slice,
                               ptrdiff_t words, const word *a, const word *b, const float *bias,
                               block *sums) {
  begin(unfinished, row, slice, bias, sums);
  a += slice * rows + row * WORDS;
  b += slice * PANEL;
  ptrdiff_t count = slice_words(slice, words), fetched = 0;
  const word *next = NULL;
  if (words > SLICE_WORDS) {
    const ptrdiff_t blocks = reused_rows(words) / BLOCK_ROWS;
    fetched = PANEL * (blocks < WORDS ? WORDS / blocks : 1);
    next = b + count * PANEL + row / BLOCK_ROWS % blocks * (SLICE_WORDS / WORDS) * fetched;
  }
  for (; count > 0; count -= WORDS, a += rows * WORDS, b += WORDS * PANEL) {
    if (next) {
      PREFETCH(a + rows * WORDS, BLOCK_ROWS * WORDS, NEAREST_CACHE);
      PREFETCH(next, fetched, LARGER_CACHE);
      next += fetched;
    }
    NAMED(accumulate)(BLOCK_ROWS, smaller(count, WORDS), a, WORDS, 1, b, sums->row);
  }
  return ends(unfinished, row, slice, words, sums);
}

// A panel of a weight that was packed along `inner`.
#define PACKED_PANEL(weight, inner, panel)                                                     \
  ((const word *)(weight) + (panel) * panel_count(inner) * WORDS * PANEL)

// Runs what follows for every slice of every block of a product of `rows` rows, `words` words a sum
// and `width` columns: `row`, `panel` and `slice` say which. It goes on to the next until its sums
// are whole. A sum of no words has one slice, too. As many rows are reused as the cache has room
// for, or the given number.
#define FOR_EACH_SLICE(rows, words, width)                                                     \
  FOR_EACH_SLICE_REUSING(reused_rows(words), rows, words, width)
#define FOR_EACH_SLICE_REUSING(reused, rows, words, width)                                     \
  for (ptrdiff_t part = (reused), start = 0; start < (rows); start += part)                    \
    for (ptrdiff_t panel = 0; panel < panel_count(width); panel++)                             \
      for (ptrdiff_t slice = 0; slice == 0 || slice < (words); slice += SLICE_WORDS)           \
        for (ptrdiff_t row = start; row < smaller(rows, start + part); row += BLOCK_ROWS)

// Stores two rows of a panel, of which `row` is the first, even one.
KERNEL void NAMED(store)(ptrdiff_t rows, ptrdiff_t panel, ptrdiff_t row, const __m512 even[2],
                         const __m512 odd[2], relate_panels to) {
#if VALUES_PER_WORD == 1
  float *out = (float *)(to.by_columns ? to.by_columns : to.by_rows) + (panel * rows + row) * PANEL;
  _mm512_storeu_ps(out, even[0]), _mm512_storeu_ps(out + 16, even[1]);
  _mm512_storeu_ps(out + PANEL, odd[0]), _mm512_storeu_ps(out + PANEL + 16, odd[1]);
#else
  __m512i first = (__m512i)_mm512_cvtne2ps_pbh(even[1], even[0]);
  __m512i second = (__m512i)_mm512_cvtne2ps_pbh(odd[1], odd[0]);
  if (to.by_columns) {
    uint16_t *out = (uint16_t *)to.by_columns + (panel * rows + row) * PANEL;
    _mm512_storeu_si512(out, first), _mm512_storeu_si512(out + PANEL, second);
  }
  if (to.by_rows) {
    // Columns 0 to 15 and 16 to 31, the values of the two rows by turns.
    const __m512i low = _mm512_set_epi16(
        47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4,
        35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    uint16_t *out = (uint16_t *)to.by_rows + (panel * rows + row) * PANEL;
    _mm512_storeu_si512(out, _mm512_permutex2var_epi16(first, low, second));
    _mm512_storeu_si512(out + PANEL, _mm512_permutex2var_epi16(first, high, second));
  }
#endif
}

KERNEL void NAMED(store_block)(ptrdiff_t rows, ptrdiff_t panel, ptrdiff_t row, const block *b,
                               relate_panels to) {
#pragma clang loop unroll(full)
  for (int i = 0; i < BLOCK_ROWS; i += 2)
    NAMED(store)(rows, panel, row + i, b->row[i], b->row[i + 1], to);
}

static TARGET void NAMED(pack)(ptrdiff_t rows, ptrdiff_t width, const float *x,
                               ptrdiff_t row_step, ptrdiff_t column_step, void *out) {
  const ptrdiff_t filled = panel_count(rows) * PANEL;
  for (ptrdiff_t panel = 0; panel < panel_count(width); panel++)
    for (ptrdiff_t row = 0; row < filled; row += SIDE) {
      __m512 values[SIDE][2];
      load_rows(x + row * row_step + panel * PANEL * column_step, row_step, column_step,
                rows - row, width - panel * PANEL, values);
      for (int i = 0; i < SIDE; i += 2)
        NAMED(store)(filled, panel, row + i, values[i], values[i + 1], (relate_panels){NULL, out});
    }
}

// The values of a row of a pair, or zeros; returns where they are positive.
KERNEL uint32_t NAMED(pair_row)(const relate_panels_pairs *pairs, ptrdiff_t row, ptrdiff_t start,
                                ptrdiff_t width, const float *first, const float *second,
                                __m512 sum[2]) {
  const bool exists = pairs->first[row] >= 0;
  const uint32_t columns = exists ? columns_from(start, width) : 0;
  __m512 other[2];
  load_row(first + (exists ? pairs->first[row] * width + start : 0), columns, sum);
  load_row(second + (exists ? pairs->second[row] * width + start : 0), columns, other);
  add_rows_together(sum, other);
  return relu_row(sum);
}

static TARGET void NAMED(pair_forward)(const relate_panels_pairs *pairs, ptrdiff_t width,
                                       const float *first, const float *second, relate_panels x,
                                       uint32_t *mask) {
  for (ptrdiff_t row = 0; row < pairs->rows; row += 2)
    for (ptrdiff_t panel = 0; panel < panel_count(width); panel++) {
      __m512 sum[2][2];
      for (int i = 0; i < 2; i++) {
        uint32_t positive =
            NAMED(pair_row)(pairs, row + i, panel * PANEL, width, first, second, sum[i]);
        if (mask) mask[panel * pairs->rows + row + i] = positive;
      }
      NAMED(store)(pairs->rows, panel, row, sum[0], sum[1], x);
    }
}

static TARGET void NAMED(forward)(ptrdiff_t rows, ptrdiff_t inputs, ptrdiff_t outputs,
                                  const void *x, const void *weight, const float *bias,
                                  relate_panels y, uint32_t *mask) {
  const ptrdiff_t words = NAMED(word_count)(inputs);
  block unfinished[MOST_UNFINISHED];
  FOR_EACH_SLICE(rows, words, outputs) {
    block sums;
    if (!NAMED(sum_columns)(unfinished, rows, row, slice, words, x,
                            PACKED_PANEL(weight, inputs, panel), bias + panel * PANEL, &sums))
      continue;
    relu_block(&sums, mask ? mask + panel * rows + row : NULL);
    NAMED(store_block)(rows, panel, row, &sums, y);
  }
}

static TARGET void NAMED(sum_forward)(const relate_panels_pairs *pairs, ptrdiff_t inputs,
                                      ptrdiff_t outputs, const void *x, const void *weight,
                                      const float *bias, float *sums, uint32_t *mask) {
  const ptrdiff_t rows = pairs->rows;
  const ptrdiff_t words = NAMED(word_count)(inputs);
  block unfinished[MOST_UNFINISHED];
  FOR_EACH_SLICE(rows, words, outputs) {
    const uint32_t columns = columns_from(panel * PANEL, outputs);
    block y;
    if (!NAMED(sum_columns)(unfinished, rows, row, slice, words, x,
                            PACKED_PANEL(weight, inputs, panel), bias + panel * PANEL, &y))
      continue;
    relu_block(&y, mask ? mask + panel * rows + row : NULL);
    add_rows(&y, pairs->sample + row, sums + panel * PANEL, outputs, columns);
  }
}

static TARGET void NAMED(sum_backward)(const relate_panels_pairs *pairs, ptrdiff_t width,
                                       const float *gradient, const uint32_t *mask,
                                       relate_panels g, float *columns) {
  const ptrdiff_t rows = pairs->rows;
  for (ptrdiff_t panel = 0; panel < panel_count(width); panel++) {
    const uint32_t existing = columns_from(panel * PANEL, width);
    for (ptrdiff_t row = 0; row < rows; row += BLOCK_ROWS) {
      block b;
      __m512 sum[2];
#pragma clang loop unroll(full)
      for (int i = 0; i < BLOCK_ROWS; i++) {
        const ptrdiff_t sample = pairs->sample[row + i];
        const uint32_t wanted = sample < 0 ? 0 : existing & mask[panel * rows + row + i];
        load_row(gradient + (sample < 0 ? 0 : sample) * width + panel * PANEL, wanted, b.row[i]);
      }
      sum_rows(&b, sum);
      add_to_row(columns + panel * PANEL, existing, sum);
      NAMED(store_block)(rows, panel, row, &b, g);
    }
  }
}

static TARGET void NAMED(backward)(ptrdiff_t rows, ptrdiff_t inputs, ptrdiff_t outputs,
                                   const void *g, const void *weight, const uint32_t *mask,
                                   relate_panels out, float *columns) {
  const ptrdiff_t words = NAMED(word_count)(outputs);
  block unfinished[MOST_UNFINISHED];
  FOR_EACH_SLICE(rows, words, inputs) {
    block b;
    __m512 sum[2];
    if (!NAMED(sum_columns)(unfinished, rows, row, slice, words, g,
                            PACKED_PANEL(weight, outputs, panel), NULL, &b))
      continue;
#pragma clang loop unroll(full)
    for (int i = 0; i < BLOCK_ROWS; i++) keep_where(mask[panel * rows + row + i], b.row[i]);
    sum_rows(&b, sum);
    add_to_row(columns + panel * PANEL, columns_from(panel * PANEL, inputs), sum);
    NAMED(store_block)(rows, panel, row, &b, out);
  }
}

static TARGET void NAMED(pair_backward)(const relate_panels_pairs *pairs, ptrdiff_t inputs,
                                        ptrdiff_t outputs, const void *g,
                                        const void *weight, const uint32_t *mask,
                                        float *first, float *second) {
  const ptrdiff_t rows = pairs->rows, words = NAMED(word_count)(outputs);
  block unfinished[MOST_UNFINISHED];
  FOR_EACH_SLICE(rows, words, inputs) {
    const uint32_t columns = columns_from(panel * PANEL, inputs);
    const int32_t *j = pairs->first + row;
    block b;
    if (!NAMED(sum_columns)(unfinished, rows, row, slice, words, g,
                            PACKED_PANEL(weight, outputs, panel), NULL, &b))
      continue;
#pragma clang loop unroll(full)
    for (int r = 0; r < BLOCK_ROWS; r++) {
      keep_where(mask[panel * rows + row + r], b.row[r]);
      if (j[r] >= 0) add_to_row(first + j[r] * inputs + panel * PANEL, columns, b.row[r]);
    }
    add_rows(&b, pairs->second + row, second + panel * PANEL, inputs, columns);
  }
}

static TARGET void NAMED(weight_gradient)(ptrdiff_t rows, ptrdiff_t outputs,
                                          ptrdiff_t inputs, const void *g, const void *x,
                                          bool accumulates, float *out) {
  const ptrdiff_t words = NAMED(word_count)(rows);
  block unfinished[MOST_UNFINISHED];
  // Half as many rows as are reused elsewhere: the results want room, too.
  FOR_EACH_SLICE_REUSING(reused_rows(2 * words), outputs, words, inputs) {
    const uint32_t columns = columns_from(panel * PANEL, inputs);
    const word *left = (const word *)g + row / PANEL * words * PANEL + row % PANEL;
    float *to = out + row * inputs + panel * PANEL;
    block b;
    for (int i = 0; i < BLOCK_ROWS && row + i < outputs; i++) prefetch_row(to + i * inputs);
    begin(unfinished, row, slice, NULL, &b);
    NAMED(accumulate)(BLOCK_ROWS, slice_words(slice, words), left + slice * PANEL, 1, PANEL,
                      (const word *)x + (panel * words + slice) * PANEL, b.row);
    if (!ends(unfinished, row, slice, words, &b)) continue;
#pragma clang loop unroll(full)
    for (int i = 0; i < BLOCK_ROWS; i++) {
      if (row + i >= outputs) break;
      accumulates ? add_to_row(to + i * inputs, columns, b.row[i])
                  : store_row(to + i * inputs, columns, b.row[i]);
    }
  }
}

static TARGET void NAMED(multiply)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *left,
                                   ptrdiff_t row_step, ptrdiff_t step, const void *right,
                                   const float *bias, bool accumulates, float *out,
                                   ptrdiff_t stride) {
  const ptrdiff_t words = NAMED(word_count)(k);
  block unfinished[MOST_UNFINISHED];
  FOR_EACH_SLICE(m, words, n) {
    const uint32_t columns = columns_from(panel * PANEL, n);
    const word *a = (const word *)left + row * row_step + slice * step;
    const word *b = PACKED_PANEL(right, k, panel) + slice * PANEL;
    const ptrdiff_t count = slice_words(slice, words);
    const int rows = (int)smaller(BLOCK_ROWS, m - row);
    block sums;
    begin(unfinished, row, slice, NULL, &sums);
    if (rows == BLOCK_ROWS)
      NAMED(accumulate)(BLOCK_ROWS, count, a, row_step, step, b, sums.row);
    else
      for (int i = 0; i < rows; i++)
        NAMED(accumulate)(1, count, a + i * row_step, row_step, step, b, sums.row + i);
    if (!ends(unfinished, row, slice, words, &sums)) continue;
    if (bias)
      for (int i = 0; i < BLOCK_ROWS; i++)
        for (int j = 0; j < 2; j++)
          sums.row[i][j] =
              _mm512_add_ps(sums.row[i][j], _mm512_set1_ps(i < rows ? bias[row + i] : 0));
    float *to = out + row * stride + panel * PANEL;
    for (int i = 0; i < BLOCK_ROWS; i++)
      if (i < rows)
        accumulates ? add_to_row(to + i * stride, columns, sums.row[i])
                    : store_row(to + i * stride, columns, sums.row[i]);
  }
}

const relate_panel_kernels NAMED(relate_panel_kernels) = {
    .pack = NAMED(pack),
    .pair_forward = NAMED(pair_forward),
    .forward = NAMED(forward),
    .sum_forward = NAMED(sum_forward),
    .sum_backward = NAMED(sum_backward),
    .backward = NAMED(backward),
    .pair_backward = NAMED(pair_backward),
    .weight_gradient = NAMED(weight_gradient),
    .multiply = NAMED(multiply),
};
