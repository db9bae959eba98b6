// The relation's kernels that read or write activations, included once for each type that they are
// stored as: ACTIVATION is the type, NAMED makes a function's name, LOAD and STORE convert.
//
// Sums over rows are taken in blocks of rows first, as in relate_sum_rows and for the same reason.

CLONES void NAMED(relate_pair_forward)(ptrdiff_t rows, ptrdiff_t width,
                                       const float *restrict first, const float *restrict base,
                                       ACTIVATION *restrict out) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float x = first[i * width + j] + base[j];
      out[i * width + j] = STORE(x < 0 ? 0 : x);
    }
}

CLONES void NAMED(relate_masked_rows)(ptrdiff_t start, ptrdiff_t rows, ptrdiff_t width,
                                      const uint8_t *restrict mask, const float *restrict gradient,
                                      ACTIVATION *restrict out, float *restrict columns) {
  for (ptrdiff_t i = 0; i < rows;) {
    // The rows that share bytes of the mask.
    const int first = (int)((start + i) % 8);
    const int count = rows - i < 8 - first ? (int)(rows - i) : 8 - first;
    const uint8_t *restrict bytes = mask + (start + i) / 8 * width;
    for (int r = 0; r < count; r++)
      for (ptrdiff_t j = 0; j < width; j++)
        out[(i + r) * width + j] = STORE(bytes[j] >> (first + r) & 1 ? gradient[j] : 0);
    const int wanted = ((1 << count) - 1) << first;
    for (ptrdiff_t j = 0; j < width; j++)
      columns[j] += gradient[j] * (float)__builtin_popcount(bytes[j] & wanted);
    i += count;
  }
}

// A block of rows, whose number is known where it is whole, so that the loop over them unrolls.
INLINE void NAMED(relu_backward_block)(int count, ptrdiff_t width,
                                       const ACTIVATION *restrict activation,
                                       const float *restrict gradient, ACTIVATION *restrict out,
                                       float *restrict columns) {
  for (ptrdiff_t j = 0; j < width; j++) {
    float partial = 0;
    for (int r = 0; r < count; r++) {
      float all = gradient[r * width + j], g = LOAD(activation[r * width + j]) > 0 ? all : 0;
      out[r * width + j] = STORE(g);
      partial += g;
    }
    columns[j] += partial;
  }
}

CLONES void NAMED(relate_relu_backward)(ptrdiff_t rows, ptrdiff_t width,
                                        const ACTIVATION *restrict activation,
                                        const float *restrict gradient, ACTIVATION *restrict out,
                                        float *restrict columns) {
  ptrdiff_t i = 0;
  for (; i + BLOCK <= rows; i += BLOCK)
    NAMED(relu_backward_block)(BLOCK, width, activation + i * width, gradient + i * width,
                               out + i * width, columns);
  NAMED(relu_backward_block)((int)(rows - i), width, activation + i * width, gradient + i * width,
                             out + i * width, columns);
}

INLINE void NAMED(pair_backward_block)(int count, ptrdiff_t width, const float *restrict gradient,
                                       const ACTIVATION *restrict activation,
                                       float *restrict first, float *restrict second) {
  for (ptrdiff_t j = 0; j < width; j++) {
    float partial = 0;
    for (int r = 0; r < count; r++) {
      float all = gradient[r * width + j], g = LOAD(activation[r * width + j]) > 0 ? all : 0;
      first[r * width + j] += g;
      partial += g;
    }
    second[j] += partial;
  }
}

CLONES void NAMED(relate_pair_backward)(ptrdiff_t rows, ptrdiff_t width,
                                        const float *restrict gradient,
                                        const ACTIVATION *restrict activation,
                                        float *restrict first, float *restrict second) {
  ptrdiff_t i = 0;
  for (; i + BLOCK <= rows; i += BLOCK)
    NAMED(pair_backward_block)(BLOCK, width, gradient + i * width, activation + i * width,
                               first + i * width, second);
  NAMED(pair_backward_block)((int)(rows - i), width, gradient + i * width, activation + i * width,
                             first + i * width, second);
}
