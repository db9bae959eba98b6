// The products of g, each finished while its result is in registers.
#include "panels.h"
#include "functions.h"

#include <immintrin.h>

bool relate_panels_are_supported(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool relate_panels_support_bfloat16(void) {
  return relate_panels_are_supported() && __builtin_cpu_supports("avx512bf16");
}

// A block of sums fills registers: 8 rows of a panel, 16 of the 32 registers. It is enough to keep
// both multipliers busy (each of its results takes four cycles), and leaves the loads of operands,
// 10 for 16 multiplications, at less than half of what the first-level cache can give.
enum { BLOCK_ROWS = 8, PANEL = RELATE_PANEL };

// The bytes of the left factor that are read again for every panel of the right one: a quarter of a
// second-level cache of 1 MiB, so that they stay there.
enum { REUSED_BYTES = 256 << 10 };

// The words of a sum that are added for one block after the other before those that follow: so much
// of a panel of the right factor, 32 KiB, stays in the first-level cache.
enum { SLICE_WORDS = 256 };

typedef int32_t __attribute__((may_alias)) word;

typedef struct {
  __m512 row[BLOCK_ROWS][2];
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

#define FLOAT32_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define BFLOAT16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

// MARK: Rows of two registers, of which a mask says what columns there are

#define ROW static inline __attribute__((always_inline)) FLOAT32_TARGET

ROW void load_row(const float *from, uint32_t columns, __m512 row[2]) {
  row[0] = _mm512_maskz_loadu_ps((__mmask16)columns, from);
  row[1] = _mm512_maskz_loadu_ps((__mmask16)(columns >> 16), from + 16);
}

ROW void store_row(float *to, uint32_t columns, const __m512 row[2]) {
  _mm512_mask_storeu_ps(to, (__mmask16)columns, row[0]);
  _mm512_mask_storeu_ps(to + 16, (__mmask16)(columns >> 16), row[1]);
}

ROW void prefetch_row(const float *row) {
  __builtin_prefetch(row, 1), __builtin_prefetch(row + 16, 1);
}

enum { LARGER_CACHE = 2, NEAREST_CACHE = 3 };

// Fetches `count` words into a cache; there need not be so many.
#define PREFETCH(words, count, cache)                  \
  for (ptrdiff_t line = 0; line < (count); line += 16) \
  __builtin_prefetch((words) + line, 0, cache)

ROW void add_to_row(float *to, uint32_t columns, const __m512 row[2]) {
  __m512 sum[2];
  load_row(to, columns, sum);
  for (int j = 0; j < 2; j++) sum[j] = _mm512_add_ps(sum[j], row[j]);
  store_row(to, columns, sum);
}

ROW void keep_where(uint32_t mask, __m512 row[2]) {
  row[0] = _mm512_maskz_mov_ps((__mmask16)mask, row[0]);
  row[1] = _mm512_maskz_mov_ps((__mmask16)(mask >> 16), row[1]);
}

// Not-a-number passes, so that a broken run is noticed. Returns where the row is positive.
ROW uint32_t relu_row(__m512 row[2]) {
  const __m512 zero = _mm512_setzero_ps();
  for (int j = 0; j < 2; j++) row[j] = _mm512_max_ps(zero, row[j]);
  return (uint32_t)_mm512_cmp_ps_mask(row[0], zero, _CMP_GT_OQ) |
         (uint32_t)_mm512_cmp_ps_mask(row[1], zero, _CMP_GT_OQ) << 16;
}

// Leaves in `mask`, unless it is NULL, where each row is positive.
ROW void relu_block(block *b, uint32_t *mask) {
#pragma clang loop unroll(full)
  for (int i = 0; i < BLOCK_ROWS; i++) {
    uint32_t positive = relu_row(b->row[i]);
    if (mask) mask[i] = positive;
  }
}

ROW void add_rows_together(__m512 sum[2], const __m512 row[2]) {
  for (int j = 0; j < 2; j++) sum[j] = _mm512_add_ps(sum[j], row[j]);
}

ROW void sum_rows(const block *b, __m512 sum[2]) {
  for (int j = 0; j < 2; j++) sum[j] = b->row[0][j];
  for (int i = 1; i < BLOCK_ROWS; i++) add_rows_together(sum, b->row[i]);
}

// Adds each row of a block to the row of `to` that its index says, neighbours of the same index
// together; not at all where the index is -1.
ROW void add_rows(const block *b, const int32_t *index, float *to, ptrdiff_t width,
                  uint32_t columns) {
  __m512 sum[2] = {b->row[0][0], b->row[0][1]};
#pragma clang loop unroll(full)
  for (int i = 1; i <= BLOCK_ROWS; i++) {
    if (i < BLOCK_ROWS && index[i] == index[i - 1]) {
      add_rows_together(sum, b->row[i]);
      continue;
    }
    if (index[i - 1] >= 0) add_to_row(to + index[i - 1] * width, columns, sum);
    if (i < BLOCK_ROWS) sum[0] = b->row[i][0], sum[1] = b->row[i][1];
  }
}

// Begins the sums of a slice: with a bias or with zeros, or with those that the slice before left.
ROW void begin(const block unfinished[MOST_UNFINISHED], ptrdiff_t row, ptrdiff_t slice,
               const float *bias, block *sums) {
  const block *left = unfinished + row / BLOCK_ROWS % MOST_UNFINISHED;
#pragma clang loop unroll(full)
  for (int i = 0; i < BLOCK_ROWS; i++)
    for (int j = 0; j < 2; j++)
      sums->row[i][j] = slice > 0 ? left->row[i][j]
                        : bias    ? _mm512_loadu_ps(bias + 16 * j)
                                  : _mm512_setzero_ps();
}

// Whether that was the last slice; otherwise leaves its sums for the next one.
ROW bool ends(block unfinished[MOST_UNFINISHED], ptrdiff_t row, ptrdiff_t slice, ptrdiff_t words,
              const block *sums) {
  if (slice + SLICE_WORDS >= words) return true;
  unfinished[row / BLOCK_ROWS % MOST_UNFINISHED] = *sums;
  return false;
}

// MARK: Panels from row-major matrices

enum { SIDE = 16 };

// Rows of 16 columns, of which there are `columns`, from columns that lie `step` apart.
ROW void transpose(const float *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t columns,
                   __m512 out[SIDE]) {
  __m512 a[SIDE], b[SIDE];
  const __mmask16 existing = (__mmask16)columns_from(0, rows);
  for (int i = 0; i < SIDE; i++)
    a[i] = _mm512_maskz_loadu_ps(i < columns ? existing : 0, from + (i < columns ? i * step : 0));
  for (int i = 0; i < SIDE; i += 2) {
    b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
  }
  // Afterwards quarter q of a[4 i + j] is row 4 q + j of columns 4 i to 4 i + 3.
  for (int i = 0; i < SIDE; i += 4)
    for (int j = 0; j < 2; j++) {
      __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + j + 2]);
      a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  for (int j = 0; j < 4; j++) {
    __m512 even[2] = {_mm512_shuffle_f32x4(a[j], a[j + 4], 0x88),
                      _mm512_shuffle_f32x4(a[j + 8], a[j + 12], 0x88)};
    __m512 odd[2] = {_mm512_shuffle_f32x4(a[j], a[j + 4], 0xDD),
                     _mm512_shuffle_f32x4(a[j + 8], a[j + 12], 0xDD)};
    out[j] = _mm512_shuffle_f32x4(even[0], even[1], 0x88);
    out[j + 4] = _mm512_shuffle_f32x4(odd[0], odd[1], 0x88);
    out[j + 8] = _mm512_shuffle_f32x4(even[0], even[1], 0xDD);
    out[j + 12] = _mm512_shuffle_f32x4(odd[0], odd[1], 0xDD);
  }
}

// 16 rows of a panel, zeros where the matrix has no row or no column; either its rows or its
// columns lie side by side.
ROW void load_rows(const float *from, ptrdiff_t row_step, ptrdiff_t column_step, ptrdiff_t rows,
                   ptrdiff_t columns, __m512 out[SIDE][2]) {
  if (column_step == 1) {
    for (int i = 0; i < SIDE; i++)
      load_row(from + (i < rows ? i * row_step : 0), i < rows ? columns_from(0, columns) : 0,
               out[i]);
    return;
  }
  for (int j = 0; j < 2; j++) {
    __m512 half[SIDE];
    transpose(from + j * SIDE * column_step, column_step, smaller(rows, SIDE),
              columns - j * SIDE, half);
    for (int i = 0; i < SIDE; i++) out[i][j] = half[i];
  }
}

// MARK: float32

#define TARGET FLOAT32_TARGET
#define NAMED(name) name##_float32
#define VALUES_PER_WORD 1
#include "panel_kernels.h"

#undef TARGET
#undef NAMED
#undef VALUES_PER_WORD

// MARK: bfloat16

#define TARGET BFLOAT16_TARGET
#define NAMED(name) name##_bfloat16
#define VALUES_PER_WORD 2
#include "panel_kernels.h"
