// What lives in a left factor: of every few of its rows, the words that are not zero in all.
//
// A product of zero adds nothing to a sum: x + 0 w = x for every finite w, but for the sign of a
// sum that is zero itself, which the kernels make positive before anyone sees it. So leaving such
// products out changes no bit. Where a weight is infinite or not a number, 0 w is not a number, and
// this is not noticed where the zero is left out; it is where any other input meets the weight.
//
// What is left out depends on the numbers alone: not on threads, and not on who computes.
#pragma once
#include "panel_blocks.h"

enum {
  TILES = BLOCK_ROWS / TILE_ROWS,
  // The lists of a tile and of a block.
  TILE_LISTS = TILE_ROWS / LISTED_ROWS,
  BLOCK_LISTS = BLOCK_ROWS / LISTED_ROWS,
  // The rows that are listed at once, and the words of all of them.
  MOST_LISTED_ROWS = 256,
  MOST_LISTED_WORDS = REUSED_BYTES / 4 / LISTED_ROWS,
  MOST_LISTS = MOST_LISTED_WORDS / SLICE_WORDS + MOST_LISTED_ROWS / LISTED_ROWS,
  // Vectors of 8 offsets are stored, of which the last ones may mean nothing.
  GROUP = 8,
};

// For every `LISTED_ROWS` rows and slice the offsets of the words that live, in the left factor and
// in a panel of the right one; the lists of a slice begin where its words would, if all lived.
typedef struct {
  ptrdiff_t words, slices;
  // The length of each list; -1 where too much lives, so that none was made.
  int32_t count[MOST_LISTS];
  int32_t left[MOST_LISTED_WORDS + GROUP], right[MOST_LISTED_WORDS + GROUP];
} live_words;

// The rows of a left factor that are reused, where what lives in them is listed.
INLINE ptrdiff_t listed_rows(ptrdiff_t words) {
  return smaller(reused_rows(words), MOST_LISTED_ROWS);
}

// Begins lists for `rows` rows, unless there is not enough room.
INLINE bool begin_lists(live_words *live, ptrdiff_t rows, ptrdiff_t words) {
  rows = (rows + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS;
  live->words = words;
  live->slices = words ? (words + SLICE_WORDS - 1) / SLICE_WORDS : 1;
  const bool fits = rows * words <= MOST_LISTED_WORDS * LISTED_ROWS;
  if (!fits) live->words = -1;
  return fits;
}

// The length of a slice of a list, or -1.
INLINE ptrdiff_t live_count(const live_words *live, ptrdiff_t list, ptrdiff_t slice) {
  return live->words < 0 ? -1 : live->count[list * live->slices + slice / SLICE_WORDS];
}

// Whether a tile's words are listed, of which `list` is the first list.
INLINE bool is_listed(const live_words *live, ptrdiff_t list, ptrdiff_t slice) {
  bool listed = true;
  for (int i = 0; i < TILE_LISTS; i++) listed = listed && live_count(live, list + i, slice) >= 0;
  return listed;
}

// positions[m] are those of the bits of m that are set, from the lowest on.
static uint8_t positions[256][GROUP] __attribute__((aligned(64)));

__attribute__((constructor)) static void fill_positions(void) {
  for (int mask = 0; mask < 256; mask++)
    for (int bit = 0, count = 0; bit < GROUP; bit++)
      if (mask >> bit & 1) positions[mask][count++] = (uint8_t)bit;
}

// Makes a list, slice by slice: bit i of masks[k] says whether word 8 k + i lives. In the left
// factor a word lies 1 << `left_shift` behind the one before, and panels of `panel_words` words lie
// `panel_step` apart.
ROW void make_list(live_words *live, ptrdiff_t list, const uint8_t *masks, int left_shift,
                    ptrdiff_t panel_words, ptrdiff_t panel_step) {
  int total = 0;
  for (ptrdiff_t k = 0; k * GROUP < live->words; k++) total += __builtin_popcount(masks[k]);
  const bool pays = total * 16 <= live->words * MOST_SIXTEENTHS_ALIVE;
  for (ptrdiff_t slice = 0; slice == 0 || slice < live->words; slice += SLICE_WORDS) {
    int32_t *count = live->count + list * live->slices + slice / SLICE_WORDS;
    *count = pays ? 0 : -1;
    if (!pays) continue;
    int32_t *left = live->left + list * live->words + slice;
    int32_t *right = live->right + list * live->words + slice;
    for (ptrdiff_t k = slice; k < slice + slice_words(slice, live->words); k += GROUP) {
      const uint8_t mask = masks[k / GROUP];
      const __m256i at =
          _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)positions[mask]));
      const ptrdiff_t start =
          k / panel_words * panel_step + ((k % panel_words) << left_shift);
      _mm256_storeu_si256(
          (__m256i *)(left + *count),
          _mm256_add_epi32(_mm256_slli_epi32(at, left_shift), _mm256_set1_epi32((int32_t)start)));
      _mm256_storeu_si256((__m256i *)(right + *count),
                          _mm256_add_epi32(_mm256_slli_epi32(at, 5),
                                           _mm256_set1_epi32((int32_t)(k - slice) * PANEL)));
      *count += __builtin_popcount(mask);
    }
  }
}

// Which of 8 words are not zero.
ROW uint32_t where_not_zero(__m256i x) {
  const __m256i zero = _mm256_cmpeq_epi32(x, _mm256_setzero_si256());
  return 0xFF & ~(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(zero));
}

// Lists what lives in rows `start` to `end` of a left factor of `rows` rows by columns, whose
// panels are `panel_words` words wide.
ROW void list_columns(live_words *live, ptrdiff_t rows, ptrdiff_t start,
                                        ptrdiff_t end, ptrdiff_t words, ptrdiff_t panel_words,
                                        const word *x) {
  if (!begin_lists(live, end - start, words)) return;
  uint8_t masks[MOST_LISTED_WORDS / GROUP + PANEL];
  for (ptrdiff_t row = start; row < end; row += LISTED_ROWS) {
    for (ptrdiff_t k = 0; k < words; k += GROUP) {
      const word *from =
          x + (k / panel_words * rows + row) * panel_words + k % panel_words;
      __m256i any = _mm256_loadu_si256((const __m256i *)from);
      for (int i = 1; i < LISTED_ROWS; i++)
        any = _mm256_or_si256(any,
                              _mm256_loadu_si256((const __m256i *)(from + i * panel_words)));
      masks[k / GROUP] = (uint8_t)where_not_zero(any);
    }
    make_list(live, (row - start) / LISTED_ROWS, masks, 0, panel_words, rows * panel_words);
  }
}

// Lists what lives in rows `start` to `end` of the transpose of a matrix of `words` words by rows.
ROW void list_rows(live_words *live, ptrdiff_t start, ptrdiff_t end,
                                     ptrdiff_t words, const word *x) {
  if (!begin_lists(live, end - start, words)) return;
  uint8_t block[MOST_LISTED_WORDS + PANEL], masks[MOST_LISTED_WORDS / GROUP + PANEL];
  for (ptrdiff_t row = start; row < end; row += BLOCK_ROWS) {
    const word *from = x + row / PANEL * words * PANEL + row % PANEL;
    for (ptrdiff_t k = 0; k < words; k++)
      block[k] = (uint8_t)where_not_zero(_mm256_loadu_si256((const __m256i *)(from + k * PANEL)));
    for (ptrdiff_t k = words; k % 16 != 0; k++) block[k] = 0;
    for (int list = 0; list < BLOCK_LISTS; list++) {
      for (ptrdiff_t k = 0; k < words; k += 16) {
        // Where any bit of the list's rows is set, as a bit for each byte.
        const __m128i bits = _mm_and_si128(
            _mm_loadu_si128((const __m128i *)(block + k)),
            _mm_set1_epi8((char)(((1 << LISTED_ROWS) - 1) << list * LISTED_ROWS)));
        const uint32_t alive =
            ~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bits, _mm_setzero_si128()));
        masks[k / GROUP] = (uint8_t)alive, masks[k / GROUP + 1] = (uint8_t)(alive >> 8);
      }
      make_list(live, (row - start) / LISTED_ROWS + list, masks, 5, words, 0);
    }
  }
}
