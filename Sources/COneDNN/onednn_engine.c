#include "onednn_engine.h"

#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl.h>
#endif

// The second version's interface is another than the third's, and its library has another name.
#if defined(DNNL_VERSION_MAJOR) && DNNL_VERSION_MAJOR == 2

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char failure[512], description[128], bfloat16_failure[256];
static dnnl_engine_t engine;
static void (*limit_threads_of_caller)(int);

// The functions of the library that are called here, found by name.
#define FUNCTIONS(APPLY)                                                                       \
  APPLY(dnnl_version)                                                                          \
  APPLY(dnnl_get_effective_cpu_isa)                                                            \
  APPLY(dnnl_engine_create)                                                                    \
  APPLY(dnnl_stream_create)                                                                    \
  APPLY(dnnl_stream_destroy)                                                                   \
  APPLY(dnnl_memory_desc_init_by_strides)                                                      \
  APPLY(dnnl_memory_desc_get_size)                                                             \
  APPLY(dnnl_memory_create)                                                                    \
  APPLY(dnnl_memory_destroy)                                                                   \
  APPLY(dnnl_memory_set_data_handle)                                                           \
  APPLY(dnnl_matmul_desc_init)                                                                 \
  APPLY(dnnl_primitive_attr_create)                                                            \
  APPLY(dnnl_primitive_attr_destroy)                                                           \
  APPLY(dnnl_primitive_attr_set_scratchpad_mode)                                               \
  APPLY(dnnl_primitive_attr_set_post_ops)                                                      \
  APPLY(dnnl_post_ops_create)                                                                  \
  APPLY(dnnl_post_ops_destroy)                                                                 \
  APPLY(dnnl_post_ops_append_sum)                                                              \
  APPLY(dnnl_post_ops_append_eltwise)                                                          \
  APPLY(dnnl_primitive_desc_create)                                                            \
  APPLY(dnnl_primitive_desc_destroy)                                                           \
  APPLY(dnnl_primitive_desc_query_md)                                                          \
  APPLY(dnnl_primitive_create)                                                                 \
  APPLY(dnnl_primitive_execute)

#define DECLARE(name) static __typeof__(&name) call_##name;
FUNCTIONS(DECLARE)

static const char *instructions(dnnl_cpu_isa_t isa) {
  switch (isa) {
  case dnnl_cpu_isa_sse41: return "sse41";
  case dnnl_cpu_isa_avx: return "avx";
  case dnnl_cpu_isa_avx2: return "avx2";
  case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
  case dnnl_cpu_isa_avx512_core: return "avx512_core";
  case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
  case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
  case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
  default: return "other";
  }
}

static void load(void) {
  void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(failure, sizeof failure, "oneDNN cannot be loaded (%s). Install it: apt-get install "
             "libdnnl2", dlerror());
    return;
  }
#define FIND(name)                                                                             \
  if (!(call_##name = (__typeof__(&name))dlsym(library, #name))) {                             \
    snprintf(failure, sizeof failure, "libdnnl.so.2 lacks %s; install Debian's libdnnl2",      \
             #name);                                                                           \
    return;                                                                                    \
  }
  FUNCTIONS(FIND)
  // The library's threads are OpenMP's, and how a long sum is shared out among them shows in its
  // bits; ours come from ThreadPool. A library without OpenMP has no such function and no threads.
  limit_threads_of_caller = (void (*)(int))dlsym(library, "omp_set_num_threads");
  if (call_dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) {
    snprintf(failure, sizeof failure, "oneDNN finds no processor to compute on");
    return;
  }
  const dnnl_version_t *version = call_dnnl_version();
  dnnl_cpu_isa_t isa = call_dnnl_get_effective_cpu_isa();
  snprintf(description, sizeof description, "oneDNN %d.%d.%d, %s kernels", version->major,
           version->minor, version->patch, instructions(isa));
  // Below AVX-512 it has no bfloat16 at all; without the instructions for it, it computes in
  // float32 what it rounds first, more slowly than float32 itself.
  if ((isa & dnnl_cpu_isa_avx512_core_bf16) != dnnl_cpu_isa_avx512_core_bf16)
    snprintf(bfloat16_failure, sizeof bfloat16_failure,
             "this processor has no instructions for bfloat16 (AVX512_BF16)");
}

const char *relate_onednn_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return failure[0] ? failure : NULL;
}

const char *relate_onednn_lacks_bfloat16(void) {
  const char *problem = relate_onednn_load();
  if (problem) return problem;
  return bfloat16_failure[0] ? bfloat16_failure : NULL;
}

const char *relate_onednn_description(void) { return description; }

// The memory objects of one execution. They hold addresses, so every thread that computes the same
// kind of product at the same time needs its own; they are kept for the next.
struct slot {
  struct slot *next;
  dnnl_memory_t a, b, bias, c, scratch;
};

// A kind of product and its generated code.
struct kernel {
  struct kernel *next;
  struct relate_product product;
  dnnl_primitive_t primitive;
  dnnl_memory_desc_t a, b, bias, c, scratch;
  size_t scratch_size;
  pthread_mutex_t lock;
  struct slot *unused;
};

enum { BUCKETS = 1024 };
static struct kernel *kernels[BUCKETS];
static pthread_rwlock_t kernels_lock = PTHREAD_RWLOCK_INITIALIZER;

static bool are_equal(const struct relate_product *p, const struct relate_product *q) {
  return p->rows == q->rows && p->columns == q->columns && p->inner == q->inner &&
         p->stride_a == q->stride_a && p->stride_b == q->stride_b && p->stride_c == q->stride_c &&
         p->transpose_a == q->transpose_a && p->transpose_b == q->transpose_b &&
         p->operands == q->operands && p->result == q->result &&
         p->accumulates == q->accumulates && p->has_bias_and_relu == q->has_bias_and_relu;
}

static size_t bucket(const struct relate_product *p) {
  const uint64_t parts[] = {
      (uint64_t)p->rows, (uint64_t)p->columns, (uint64_t)p->inner, (uint64_t)p->stride_a,
      (uint64_t)p->stride_b, (uint64_t)p->stride_c,
      (uint64_t)(p->transpose_a | p->transpose_b << 1 | p->accumulates << 2 |
                 p->has_bias_and_relu << 3 | (int)p->operands << 4 | (int)p->result << 5)};
  uint64_t hash = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    hash = (hash ^ parts[i]) * 0x9E3779B97F4A7C15u, hash ^= hash >> 32;
  return hash % BUCKETS;
}

static struct kernel *find(const struct relate_product *product, size_t index) {
  for (struct kernel *k = kernels[index]; k; k = k->next)
    if (are_equal(&k->product, product)) return k;
  return NULL;
}

static bool describe(dnnl_memory_desc_t *matrix, ptrdiff_t rows, ptrdiff_t columns,
                     ptrdiff_t stride, bool transposed, enum relate_scalar scalar) {
  dnnl_dims_t extents = {rows, columns}, plain = {stride, 1}, turned = {1, stride};
  return call_dnnl_memory_desc_init_by_strides(
             matrix, 2, extents, scalar == RELATE_BFLOAT16 ? dnnl_bf16 : dnnl_f32,
             transposed ? turned : plain) == dnnl_success;
}

static bool generate(struct kernel *k, dnnl_post_ops_t finish, dnnl_primitive_attr_t attributes) {
  const struct relate_product *p = &k->product;
  if (!describe(&k->a, p->rows, p->inner, p->stride_a, p->transpose_a, p->operands) ||
      !describe(&k->b, p->inner, p->columns, p->stride_b, p->transpose_b, p->operands) ||
      !describe(&k->bias, 1, p->columns, p->columns, false, RELATE_FLOAT32) ||
      !describe(&k->c, p->rows, p->columns, p->stride_c, false, p->result))
    return false;
  if (p->accumulates && call_dnnl_post_ops_append_sum(finish, 1) != dnnl_success) return false;
  if (p->has_bias_and_relu &&
      call_dnnl_post_ops_append_eltwise(finish, 1, dnnl_eltwise_relu, 0, 0) != dnnl_success)
    return false;
  if (call_dnnl_primitive_attr_set_post_ops(attributes, finish) != dnnl_success ||
      call_dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) !=
          dnnl_success)
    return false;
  dnnl_matmul_desc_t matmul;
  if (call_dnnl_matmul_desc_init(&matmul, &k->a, &k->b, p->has_bias_and_relu ? &k->bias : NULL,
                                 &k->c) != dnnl_success)
    return false;
  dnnl_primitive_desc_t details;
  if (call_dnnl_primitive_desc_create(&details, &matmul, attributes, engine, NULL) !=
      dnnl_success)
    return false;
  k->scratch = *call_dnnl_primitive_desc_query_md(details, dnnl_query_scratchpad_md, 0);
  k->scratch_size = call_dnnl_memory_desc_get_size(&k->scratch);
  bool made = call_dnnl_primitive_create(&k->primitive, details) == dnnl_success;
  call_dnnl_primitive_desc_destroy(details);
  return made;
}

static struct kernel *create(const struct relate_product *product) {
  struct kernel *k = calloc(1, sizeof *k);
  dnnl_post_ops_t finish = NULL;
  dnnl_primitive_attr_t attributes = NULL;
  if (!k) return NULL;
  k->product = *product;
  pthread_mutex_init(&k->lock, NULL);
  bool made = call_dnnl_post_ops_create(&finish) == dnnl_success &&
              call_dnnl_primitive_attr_create(&attributes) == dnnl_success &&
              generate(k, finish, attributes);
  if (finish) call_dnnl_post_ops_destroy(finish);
  if (attributes) call_dnnl_primitive_attr_destroy(attributes);
  if (!made) {
    free(k);
    return NULL;
  }
  return k;
}

static struct kernel *kernel_for(const struct relate_product *product) {
  size_t index = bucket(product);
  pthread_rwlock_rdlock(&kernels_lock);
  struct kernel *k = find(product, index);
  pthread_rwlock_unlock(&kernels_lock);
  if (k) return k;
  pthread_rwlock_wrlock(&kernels_lock);
  k = find(product, index);
  if (!k && (k = create(product))) {
    k->next = kernels[index];
    kernels[index] = k;
  }
  pthread_rwlock_unlock(&kernels_lock);
  return k;
}

static void discard(struct slot *slot) {
  dnnl_memory_t all[] = {slot->a, slot->b, slot->bias, slot->c, slot->scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i]) call_dnnl_memory_destroy(all[i]);
  free(slot);
}

static struct slot *take_slot(struct kernel *k) {
  pthread_mutex_lock(&k->lock);
  struct slot *slot = k->unused;
  if (slot) k->unused = slot->next;
  pthread_mutex_unlock(&k->lock);
  if (slot || !(slot = calloc(1, sizeof *slot))) return slot;
  if (call_dnnl_memory_create(&slot->a, &k->a, engine, NULL) == dnnl_success &&
      call_dnnl_memory_create(&slot->b, &k->b, engine, NULL) == dnnl_success &&
      call_dnnl_memory_create(&slot->bias, &k->bias, engine, NULL) == dnnl_success &&
      call_dnnl_memory_create(&slot->c, &k->c, engine, NULL) == dnnl_success &&
      call_dnnl_memory_create(&slot->scratch, &k->scratch, engine, NULL) == dnnl_success)
    return slot;
  discard(slot);
  return NULL;
}

// Scratch memory and stream of a thread; freed with it.
struct thread_state {
  dnnl_stream_t stream;
  void *scratch;
  size_t scratch_size;
};
static pthread_key_t thread_key;
static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;

static void free_thread_state(void *pointer) {
  struct thread_state *state = pointer;
  call_dnnl_stream_destroy(state->stream);
  free(state->scratch);
  free(state);
}

static void create_thread_key(void) { pthread_key_create(&thread_key, free_thread_state); }

static struct thread_state *this_thread(size_t scratch_size) {
  pthread_once(&thread_key_once, create_thread_key);
  struct thread_state *state = pthread_getspecific(thread_key);
  if (!state) {
    if (!(state = calloc(1, sizeof *state))) return NULL;
    if (call_dnnl_stream_create(&state->stream, engine, dnnl_stream_default_flags) !=
        dnnl_success) {
      free(state);
      return NULL;
    }
    if (limit_threads_of_caller) limit_threads_of_caller(1);
    pthread_setspecific(thread_key, state);
  }
  if (scratch_size > state->scratch_size) {
    size_t size = (scratch_size + 4095) & ~(size_t)4095;
    free(state->scratch);
    state->scratch_size = (state->scratch = aligned_alloc(4096, size)) ? size : 0;
    if (!state->scratch) return NULL;
  }
  return state;
}

bool relate_onednn_multiply(const struct relate_product *product, const void *a, const void *b,
                            const float *bias, void *c) {
  if (relate_onednn_load()) return false;
  struct kernel *k = kernel_for(product);
  if (!k) return false;
  struct thread_state *thread = this_thread(k->scratch_size);
  struct slot *slot = thread ? take_slot(k) : NULL;
  if (!slot) return false;
  call_dnnl_memory_set_data_handle(slot->a, (void *)(uintptr_t)a);
  call_dnnl_memory_set_data_handle(slot->b, (void *)(uintptr_t)b);
  call_dnnl_memory_set_data_handle(slot->bias, (void *)(uintptr_t)bias);
  call_dnnl_memory_set_data_handle(slot->c, c);
  call_dnnl_memory_set_data_handle(slot->scratch, thread->scratch);
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, slot->a},
                                 {DNNL_ARG_WEIGHTS, slot->b},
                                 {DNNL_ARG_DST, slot->c},
                                 {DNNL_ARG_SCRATCHPAD, slot->scratch},
                                 {DNNL_ARG_BIAS, slot->bias}};
  bool done = call_dnnl_primitive_execute(k->primitive, thread->stream,
                                          product->has_bias_and_relu ? 5 : 4,
                                          arguments) == dnnl_success;
  pthread_mutex_lock(&k->lock);
  slot->next = k->unused;
  k->unused = slot;
  pthread_mutex_unlock(&k->lock);
  return done;
}

#else

static const char missing[] =
    "this program was built without oneDNN. Install libdnnl-dev (version 2) and build it again";

const char *relate_onednn_load(void) { return missing; }
const char *relate_onednn_lacks_bfloat16(void) { return missing; }
const char *relate_onednn_description(void) { return ""; }
bool relate_onednn_multiply(const struct relate_product *product, const void *a, const void *b,
                            const float *bias, void *c) {
  (void)product, (void)a, (void)b, (void)bias, (void)c;
  return false;
}

#endif
