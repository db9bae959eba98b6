#include "openblas_loader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// The values of CBLAS's enumerations, which are part of its binary interface.
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

typedef void (*sgemm_function)(int, int, int, int, int, int, float, const float *, int,
                               const float *, int, float, float *, int);
typedef char *(*text_function)(void);
typedef void (*threads_function)(int);

static sgemm_function sgemm;
static text_function configuration, kernels;
static char failure[512];

// The widest kernels of OpenBLAS that this processor runs. Named here rather than left to the
// library, so that the same machine gives the same bits with every version that knows the name.
static const char *widest_kernels(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
  return NULL;
}

static void load(void) {
  const char *name = widest_kernels();
  if (name) setenv("OPENBLAS_CORETYPE", name, 0);
  // The threaded builds start their threads in the constructor; ours come from ThreadPool.
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(failure, sizeof failure,
             "OpenBLAS cannot be loaded (%s). Install it: apt-get install libopenblas0", dlerror());
    return;
  }
  sgemm = (sgemm_function)dlsym(library, "cblas_sgemm");
  configuration = (text_function)dlsym(library, "openblas_get_config");
  kernels = (text_function)dlsym(library, "openblas_get_corename");
  threads_function set_threads = (threads_function)dlsym(library, "openblas_set_num_threads");
  if (!sgemm || !configuration || !kernels) {
    snprintf(failure, sizeof failure,
             "libopenblas.so.0 lacks cblas_sgemm, openblas_get_config or openblas_get_corename; "
             "install Debian's libopenblas0");
    return;
  }
  if (set_threads) set_threads(1);
}

const char *relate_openblas_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure[0] ? failure : NULL;
}

const char *relate_openblas_configuration(void) { return configuration ? configuration() : ""; }

const char *relate_openblas_kernels(void) { return kernels ? kernels() : ""; }

void relate_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc) {
  sgemm(ROW_MAJOR, transpose_a ? TRANSPOSED : PLAIN, transpose_b ? TRANSPOSED : PLAIN, m, n, k,
        alpha, a, lda, b, ldb, beta, c, ldc);
}
