// The relation's kernels that read or write activations, included once for each type that they are
// stored as: ACTIVATION is the type, NAMED makes a function's name, LOAD and STORE convert.

CLONES void NAMED(relate_pair_forward)(ptrdiff_t rows, ptrdiff_t width,
                                       const float *restrict first, const float *restrict base,
                                       ACTIVATION *restrict out) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float x = first[i * width + j] + base[j];
      out[i * width + j] = STORE(x < 0 ? 0 : x);
    }
}

CLONES void NAMED(relate_masked_rows)(ptrdiff_t rows, ptrdiff_t width,
                                      const uint8_t *restrict mask, const float *restrict gradient,
                                      ACTIVATION *restrict out, float *restrict columns) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float all = gradient[j], g = mask[i * width + j] ? all : 0;
      out[i * width + j] = STORE(g);
      columns[j] += g;
    }
}

CLONES void NAMED(relate_relu_backward)(ptrdiff_t rows, ptrdiff_t width,
                                        const ACTIVATION *restrict activation,
                                        const float *restrict gradient, ACTIVATION *restrict out,
                                        float *restrict columns) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float all = gradient[i * width + j], g = LOAD(activation[i * width + j]) > 0 ? all : 0;
      out[i * width + j] = STORE(g);
      columns[j] += g;
    }
}

CLONES void NAMED(relate_pair_backward)(ptrdiff_t rows, ptrdiff_t width,
                                        const float *restrict gradient,
                                        const ACTIVATION *restrict activation,
                                        float *restrict first, float *restrict second) {
  for (ptrdiff_t i = 0; i < rows; i++)
    for (ptrdiff_t j = 0; j < width; j++) {
      float all = gradient[i * width + j], g = LOAD(activation[i * width + j]) > 0 ? all : 0;
      first[i * width + j] += g;
      second[j] += g;
    }
}
