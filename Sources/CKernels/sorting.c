// The order of numbers along an axis.
//
// Few numbers are put in order by counting, for each, how many come before it: sixteen runs side by
// side, one in each lane of a vector, and without a branch that depends on a number. Many are
// merged, one run after the other.
#include "functions.h"
#include "kernels.h"

enum { LANES = RELATE_LANES, FEW = 512, VERY_FEW = 64 };
typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t)), may_alias));
#define AT(numbers) (*(lanes *)(numbers))

// Whole numbers in the order that is wanted, equal where the numbers count as equal.
INLINE int32_t key_of(float x, bool descending) {
  // Adding 0 makes 0 of -0.
  int32_t bits = bits_of(x + 0.0f), key = bits < 0 ? bits ^ 0x7FFFFFFF : bits;
  return x != x ? INT32_MAX : descending ? ~key : key;
}

// The runs, numbered from `first` on, that are put in order side by side.
CLONES static void order_few(ptrdiff_t first, int runs, ptrdiff_t extent, ptrdiff_t inner,
                             const float *restrict x, bool descending,
                             int32_t *restrict positions) {
  ptrdiff_t start[LANES];
  for (int lane = 0; lane < LANES; lane++) {
    // Lanes without a run repeat the last one.
    const ptrdiff_t run = first + (lane < runs ? lane : runs - 1);
    start[lane] = run / inner * extent * inner + run % inner;
  }
  _Alignas(64) int32_t keys[FEW][LANES], before[FEW][LANES];
  for (ptrdiff_t i = 0; i < extent; i++) {
    float numbers[LANES];
    for (int lane = 0; lane < LANES; lane++) numbers[lane] = x[start[lane] + i * inner];
    for (int lane = 0; lane < LANES; lane++) keys[i][lane] = key_of(numbers[lane], descending);
  }
  for (ptrdiff_t i = 0; i < extent; i++) {
    lanes count = {0};
    for (ptrdiff_t j = 0; j < i; j++) {
      // -1 where j comes before i, as it does where both are equal.
      const lanes is_before = AT(keys[j]) <= AT(keys[i]);
      count -= is_before;
      AT(before[j]) += is_before + 1;
    }
    AT(before[i]) = count;
  }
  for (ptrdiff_t i = 0; i < extent; i++)
    for (int lane = 0; lane < runs; lane++)
      positions[start[lane] + before[i][lane] * inner] = (int32_t)i;
}

// From two sorted parts of `from` to one of `to`.
INLINE void merge(const uint64_t *restrict from, ptrdiff_t middle, ptrdiff_t end,
                  uint64_t *restrict to) {
  ptrdiff_t i = 0, j = middle;
  for (ptrdiff_t k = 0; k < end; k++) {
    const bool takes_first = j >= end || (i < middle && from[i] < from[j]);
    to[k] = from[takes_first ? i : j];
    i += takes_first;
    j += !takes_first;
  }
}

// Numbers that all differ: keys, and behind them positions.
static void order_many(ptrdiff_t extent, ptrdiff_t inner, const float *x, bool descending,
                       int32_t *positions, uint64_t *scratch) {
  enum { RUN = 8 };
  uint64_t *from = scratch, *to = scratch + extent;
  for (ptrdiff_t i = 0; i < extent; i++) {
    const uint32_t key = (uint32_t)key_of(x[i * inner], descending) ^ 0x80000000u;
    const uint64_t next = (uint64_t)key << 32 | (uint64_t)i;
    ptrdiff_t place = i;
    for (; place % RUN && from[place - 1] > next; place--) from[place] = from[place - 1];
    from[place] = next;
  }
  for (ptrdiff_t run = RUN; run < extent; run *= 2) {
    for (ptrdiff_t start = 0; start < extent; start += 2 * run) {
      const ptrdiff_t rest = extent - start;
      merge(from + start, rest < run ? rest : run, rest < 2 * run ? rest : 2 * run, to + start);
    }
    uint64_t *sorted = to;
    to = from;
    from = sorted;
  }
  for (ptrdiff_t i = 0; i < extent; i++) positions[i * inner] = (int32_t)(uint32_t)from[i];
}

void relate_sorted_positions(ptrdiff_t outer, ptrdiff_t extent, ptrdiff_t inner, const float *x,
                             bool descending, int32_t *positions, uint64_t *scratch) {
  const ptrdiff_t count = outer * inner;
  // Lanes that stay empty are worth it for very few only.
  if (extent <= (count < LANES ? VERY_FEW : FEW)) {
    for (ptrdiff_t run = 0; run < count; run += LANES) {
      const int runs = count - run < LANES ? (int)(count - run) : LANES;
      order_few(run, runs, extent, inner, x, descending, positions);
    }
    return;
  }
  for (ptrdiff_t run = 0; run < count; run++) {
    const ptrdiff_t start = run / inner * extent * inner + run % inner;
    order_many(extent, inner, x + start, descending, positions + start, scratch);
  }
}
