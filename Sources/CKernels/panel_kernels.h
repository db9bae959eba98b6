// The kernels of panels, included once for each type of the operands: TARGET are the instructions
// there are, NAMED makes a function's name, VALUES_PER_WORD is 1 for float32 and 2 for bfloat16.

#undef KERNEL
#undef WORDS
#undef PACKED_PANEL
#undef FOR_EACH_SLICE
#undef FOR_EACH_LISTED_SLICE

#define KERNEL static inline __attribute__((always_inline)) TARGET
// The words of a row of a panel by columns.
#define WORDS (PANEL / VALUES_PER_WORD)

// Adds to the sums of a tile: over `count` words that lie `step` apart in the left factor, whose
// rows lie `row_step` apart, and that are rows of a panel of the right one.
KERNEL void NAMED(accumulate)(const int rows, ptrdiff_t count, const word *a, ptrdiff_t row_step,
                              ptrdiff_t step, const word *b, vector (*sums)[VECTORS]) {
#pragma clang loop unroll(disable)
  for (ptrdiff_t k = 0; k < count; k++, a += step, b += PANEL) {
    words right[VECTORS];
    EACH_VECTOR right[j] = load_words(b + LANES * j);
    for (int i = 0; i < rows; i++) {
      words left = word_everywhere(a + i * row_step);
      EACH_VECTOR sums[i][j] = MULTIPLY_ADD(left, right[j], sums[i][j]);
    }
  }
}

// The same over the words of a slice that are listed, if they are; `row` is the tile's first among
// those that are reused.
KERNEL bool NAMED(accumulate_listed)(const live_words *live, ptrdiff_t row, ptrdiff_t slice,
                                     const word *a, ptrdiff_t row_step, const word *b,
                                     vector (*sums)[VECTORS]) {
  const ptrdiff_t first = row / LISTED_ROWS;
  if (!is_listed(live, first, slice)) return false;
#pragma clang loop unroll(full)
  for (int i = 0; i < TILE_LISTS; i++) {
    const ptrdiff_t count = live_count(live, first + i, slice);
    const int32_t *left = live->left + (first + i) * live->words + slice;
    const int32_t *right = live->right + (first + i) * live->words + slice;
    const word *rows = a + i * LISTED_ROWS * row_step;
#pragma clang loop unroll(disable)
    for (ptrdiff_t k = 0; k < count; k++)
      NAMED(accumulate)(LISTED_ROWS, 1, rows + left[k], row_step, 0, b + right[k],
                        sums + i * LISTED_ROWS);
  }
  return true;
}

INLINE ptrdiff_t NAMED(word_count)(ptrdiff_t values) {
  return (values + VALUES_PER_WORD - 1) / VALUES_PER_WORD;
}

// A slice of a block's sums along the columns of a left factor of `rows` rows that lies by columns;
// `bias` is added, unless it is NULL. Whether that was the last slice: the sums are whole. `start`
// is the first row of those that are reused, whose words are listed in `live`.
//
// The operands of long sums come from the larger caches. So the next columns of the left factor are
// fetched while these are multiplied; and of the blocks that share a slice of the right one, each
// fetches about its part of the slice that follows.
KERNEL bool NAMED(sum_columns)(block *unfinished, ptrdiff_t rows, ptrdiff_t start, ptrdiff_t row,
                               ptrdiff_t slice, ptrdiff_t words, const live_words *live,
                               const word *x, const word *b, const float *bias, block *sums) {
  begin(unfinished, row, slice, bias, sums);
  b += slice * PANEL;
  const ptrdiff_t whole = slice_words(slice, words);
  const word *next = NULL;
  ptrdiff_t fetched = 0;
  if (words > SLICE_WORDS) {
    const ptrdiff_t tiles = reused_rows(words) / TILE_ROWS;
    fetched = PANEL * (tiles < WORDS ? WORDS / tiles : 1);
    next = b + whole * PANEL + row / TILE_ROWS % tiles * (SLICE_WORDS / WORDS) * fetched;
  }
#pragma clang loop unroll(disable)
  for (int tile = 0; tile < TILES; tile++) {
    const word *a = x + (row + tile * TILE_ROWS) * WORDS, *right = b;
    vector part[TILE_ROWS][VECTORS];
    copy_tile(part, sums->row + tile * TILE_ROWS);
    if (!NAMED(accumulate_listed)(live, row - start + tile * TILE_ROWS, slice, a, WORDS, b, part)) {
      a += slice * rows;
      for (ptrdiff_t count = whole; count > 0; count -= WORDS) {
        if (next) {
          PREFETCH(a + rows * WORDS, TILE_ROWS * WORDS, NEAREST_CACHE);
          PREFETCH(next, fetched, LARGER_CACHE);
          next += fetched;
        }
        NAMED(accumulate)(TILE_ROWS, smaller(count, WORDS), a, WORDS, 1, right, part);
        a += rows * WORDS, right += WORDS * PANEL;
      }
    }
    copy_tile(sums->row + tile * TILE_ROWS, part);
  }
  return ends(unfinished, row, slice, words, sums);
}

// A panel of a weight that was packed along `inner`.
#define PACKED_PANEL(weight, inner, panel)                                                     \
  ((const word *)(weight) + (panel) * panel_count(inner) * WORDS * PANEL)

// Runs what follows for every slice of every block of a product of `rows` rows, `words` words a sum
// and `width` columns: `row`, `panel` and `slice` say which. It goes on to the next until its sums
// are whole. A sum of no words has one slice, too. As many rows are reused at once as `reused`
// says, the first of them is `start`; what `listing` does is done before.
#define FOR_EACH_SLICE(reused, listing, rows, words, width)                                     \
  for (ptrdiff_t part = (reused), start = 0; start < (rows) && (listing, true); start += part) \
    for (ptrdiff_t panel = 0; panel < panel_count(width); panel++)                             \
      for (ptrdiff_t slice = 0; slice == 0 || slice < (words); slice += SLICE_WORDS)           \
        for (ptrdiff_t row = start; row < smaller(rows, start + part); row += BLOCK_ROWS)
// The same of a left factor by columns, of which is listed what lives.
#define FOR_EACH_LISTED_SLICE(x, rows, words, width)                                            \
  FOR_EACH_SLICE(listed_rows(words),                                                           \
                 list_columns(&live, rows, start, smaller(rows, start + part), words, WORDS, x), \
                 rows, words, width)

// Stores two rows of a panel, of which `row` is the first, even one.
KERNEL void NAMED(store)(ptrdiff_t rows, ptrdiff_t panel, ptrdiff_t row,
                         const vector even[VECTORS], const vector odd[VECTORS], relate_panels to) {
  const ptrdiff_t offset = (panel * rows + row) * PANEL;
#if VALUES_PER_WORD == 1
  float *out = (float *)(to.by_columns ? to.by_columns : to.by_rows) + offset;
  EACH_VECTOR store(out + LANES * j, even[j]);
  EACH_VECTOR store(out + PANEL + LANES * j, odd[j]);
#else
  store_rounded(even, odd, to.by_columns ? (uint16_t *)to.by_columns + offset : NULL,
                to.by_rows ? (uint16_t *)to.by_rows + offset : NULL);
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
    for (ptrdiff_t row = 0; row < filled; row += LANES) {
      vector values[LANES][VECTORS];
      load_rows(x + row * row_step + panel * PANEL * column_step, row_step, column_step,
                rows - row, width - panel * PANEL, values);
      for (int i = 0; i < LANES; i += 2)
        NAMED(store)(filled, panel, row + i, values[i], values[i + 1], (relate_panels){NULL, out});
    }
}

// The values of a row of a pair, or zeros; returns where they are positive.
KERNEL uint32_t NAMED(pair_row)(const relate_panels_pairs *pairs, ptrdiff_t row, ptrdiff_t start,
                                ptrdiff_t width, const float *first, const float *second,
                                vector sum[VECTORS]) {
  const bool exists = pairs->first[row] >= 0;
  const uint32_t columns = exists ? columns_from(start, width) : 0;
  vector other[VECTORS];
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
      vector sum[2][VECTORS];
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
  live_words live;
  FOR_EACH_LISTED_SLICE(x, rows, words, outputs) {
    block sums;
    if (!NAMED(sum_columns)(unfinished, rows, start, row, slice, words, &live, x,
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
  live_words live;
  FOR_EACH_LISTED_SLICE(x, rows, words, outputs) {
    const uint32_t columns = columns_from(panel * PANEL, outputs);
    block y;
    if (!NAMED(sum_columns)(unfinished, rows, start, row, slice, words, &live, x,
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
      vector sum[VECTORS];
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
  live_words live;
  FOR_EACH_LISTED_SLICE(g, rows, words, inputs) {
    block b;
    vector sum[VECTORS];
    if (!NAMED(sum_columns)(unfinished, rows, start, row, slice, words, &live, g,
                            PACKED_PANEL(weight, outputs, panel), NULL, &b))
      continue;
#pragma clang loop unroll(full)
    for (int i = 0; i < BLOCK_ROWS; i++) keep_row_where(mask[panel * rows + row + i], b.row[i]);
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
  live_words live;
  FOR_EACH_LISTED_SLICE(g, rows, words, inputs) {
    const uint32_t columns = columns_from(panel * PANEL, inputs);
    const int32_t *j = pairs->first + row;
    block b;
    if (!NAMED(sum_columns)(unfinished, rows, start, row, slice, words, &live, g,
                            PACKED_PANEL(weight, outputs, panel), NULL, &b))
      continue;
#pragma clang loop unroll(full)
    for (int r = 0; r < BLOCK_ROWS; r++) {
      keep_row_where(mask[panel * rows + row + r], b.row[r]);
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
  live_words live;
  // Half as many rows as are reused elsewhere: the results want room, too.
  FOR_EACH_SLICE(listed_rows(2 * words),
                 list_rows(&live, start, smaller(outputs, start + part), words, g), outputs, words,
                 inputs) {
    const uint32_t columns = columns_from(panel * PANEL, inputs);
    const word *left = (const word *)g + row / PANEL * words * PANEL + row % PANEL;
    const word *right = (const word *)x + (panel * words + slice) * PANEL;
    float *to = out + row * inputs + panel * PANEL;
    block b;
    for (int i = 0; i < BLOCK_ROWS && row + i < outputs; i++) prefetch_row(to + i * inputs);
    begin(unfinished, row, slice, NULL, &b);
#pragma clang loop unroll(disable)
    for (int tile = 0; tile < TILES; tile++) {
      const word *a = left + tile * TILE_ROWS;
      vector part[TILE_ROWS][VECTORS];
      copy_tile(part, b.row + tile * TILE_ROWS);
      if (!NAMED(accumulate_listed)(&live, row - start + tile * TILE_ROWS, slice, a, 1, right,
                                    part))
        NAMED(accumulate)(TILE_ROWS, slice_words(slice, words), a + slice * PANEL, 1, PANEL, right,
                          part);
      copy_tile(b.row + tile * TILE_ROWS, part);
    }
    if (!ends(unfinished, row, slice, words, &b)) continue;
    EACH_ROW {
      if (row + i >= outputs) break;
      EACH_VECTOR b.row[i][j] = plus(b.row[i][j], zeros());
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
  FOR_EACH_SLICE(reused_rows(words), (void)0, m, words, n) {
    const uint32_t columns = columns_from(panel * PANEL, n);
    const word *a = (const word *)left + row * row_step + slice * step;
    const word *b = PACKED_PANEL(right, k, panel) + slice * PANEL;
    const ptrdiff_t count = slice_words(slice, words);
    const int rows = (int)smaller(BLOCK_ROWS, m - row);
    block sums;
    begin(unfinished, row, slice, NULL, &sums);
#pragma clang loop unroll(disable)
    for (int i = 0; i < rows; i += TILE_ROWS) {
      const word *left_row = a + i * row_step;
      vector part[TILE_ROWS][VECTORS];
      copy_tile(part, sums.row + i);
      if (rows - i >= TILE_ROWS)
        NAMED(accumulate)(TILE_ROWS, count, left_row, row_step, step, b, part);
      else
        for (int r = 0; r < rows - i; r++)
          NAMED(accumulate)(1, count, left_row + r * row_step, row_step, step, b, part + r);
      copy_tile(sums.row + i, part);
    }
    if (!ends(unfinished, row, slice, words, &sums)) continue;
    if (bias)
      EACH_ROW EACH_VECTOR sums.row[i][j] =
          plus(sums.row[i][j], everywhere(i < rows ? bias[row + i] : 0));
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
